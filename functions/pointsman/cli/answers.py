"""What a command prints of the answers to one request, sent once or many times."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pointsman.cli import answer
from pointsman.cli.output import Output
from pointsman.client import Prediction
from pointsman.errors import ClientError, Refused


class Pace(NamedTuple):
    """How long all answers took, and each, measured `where`."""

    seconds: float
    times_ms: Sequence[float]
    where: str


def show(out: Output, found: Sequence[Prediction], pace: Pace) -> None:
    """Print the answers. Raises Refused where the only one is a failure, ClientError where any is."""
    first = found[0]
    if out.as_json:
        for prediction in found:
            out.record(answer.as_record(prediction), "")
    elif first.failure is None:
        out.say(answer.summary(first))
        out.table(("output", "row", "best", "values"), answer.rows(first))
    if len(found) > 1:
        _show_many(out, found, pace)
    failures = [prediction.failure for prediction in found if prediction.failure is not None]
    if len(found) == 1 and failures:
        raise Refused(failures[0])
    if failures:
        raise ClientError(f"{len(failures)} of {len(found)} failed, the first with {failures[0].message}")


def _show_many(out: Output, found: Sequence[Prediction], pace: Pace) -> None:
    versions = Counter(prediction.version or "none" for prediction in found)
    shares = ", ".join(
        f"{version}: {count} ({count / len(found):.1%})" for version, count in versions.items()
    )
    median = statistics.median(pace.times_ms)
    out.say(f"{len(found)} answers in {pace.seconds:.2f} s, median {median:.1f} ms {pace.where}")
    out.say(f"versions: {shares}")
