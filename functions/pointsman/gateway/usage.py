"""What was asked and answered, per key and model: exact totals since the start, which only grow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from pointsman.core.ids import NOBODY
from pointsman.errors import CODES, INTERNAL
from pointsman.wire.openmetrics import Counter, Sample, counters_to_text

MOST_PAIRS: Final = 10_000


class Tally(msgspec.Struct, kw_only=True):
    """The totals of one key at one model. `_` as key: none was needed; as model: not one of ours.

    `errors` counts failed requests, which `requests` counts too, by the code of the failure.
    """

    key: str
    model: str
    requests: int = 0
    rows: int = 0
    errors: dict[str, int] = {}
    bytes_in: int = 0
    bytes_out: int = 0
    compute_us: int = 0


class Usage:
    """Counts. Belongs to one event loop; `is_model` tells whether a name is that of a model we have.

    Names that strangers make up, refused keys and codes that are not ours add no entry; beyond `most_pairs`
    pairs of key and model whatever is new counts as `_` and `_`.
    """

    def __init__(self, is_model: Callable[[str], bool], most_pairs: int = MOST_PAIRS) -> None:
        self._is_model = is_model
        self._most_pairs = most_pairs
        self._tallies: dict[tuple[str, str], Tally] = {}

    def count(
        self,
        key: str,
        model: str,
        *,
        error: str = "",
        rows: int = 0,
        bytes_in: int = 0,
        bytes_out: int = 0,
        compute_us: int = 0,
    ) -> None:
        """Count a request that got its final answer. `key` is the permit's, empty where there was none.

        `error` is the code of a failure. An amount below 0, as a foreign pod may claim, counts as 0.
        """
        tally = self._tally(key or NOBODY, model)
        tally.requests += 1
        tally.rows += max(0, rows)
        tally.bytes_in += max(0, bytes_in)
        tally.bytes_out += max(0, bytes_out)
        tally.compute_us += max(0, compute_us)
        if error:
            code = error if error in CODES else INTERNAL
            tally.errors[code] = tally.errors.get(code, 0) + 1

    def snapshot(self) -> tuple[Tally, ...]:
        """Return copies of the totals, by key and model."""
        return tuple(
            msgspec.structs.replace(tally, errors=dict(sorted(tally.errors.items())))
            for _, tally in sorted(self._tallies.items())
        )

    def _tally(self, key: str, model: str) -> Tally:
        # A model that was here stays counted under its name when it has gone.
        pair = key, model
        if pair not in self._tallies:
            pair = key, model if self._is_model(model) else NOBODY
        if pair not in self._tallies:
            pair = pair if len(self._tallies) < self._most_pairs else (NOBODY, NOBODY)
        return self._tallies.setdefault(pair, Tally(key=pair[0], model=pair[1]))


def to_json(tallies: Iterable[Tally], since_ms: int) -> bytes:
    """Return one object: `since_ms`, when counting began, in milliseconds of Unix time, and `usage`."""
    return msgspec.json.encode({"since_ms": since_ms, "usage": list(tallies)})


def to_openmetrics(tallies: Iterable[Tally]) -> bytes:
    """Return the totals for a collector of metrics; its media type is `wire.openmetrics.CONTENT_TYPE`."""
    return counters_to_text(_counters(tuple(tallies)))


def _counters(tallies: tuple[Tally, ...]) -> Iterator[Counter]:
    def family(name: str, about: str, unit: str, digits: Callable[[Tally], str]) -> Counter:
        samples = [Sample({"key": one.key, "model": one.model}, digits(one)) for one in tallies]
        return Counter(f"pointsman_gateway_{name}", about, unit, samples)

    yield family("requests", "Requests that got their final answer.", "", lambda one: str(one.requests))
    yield family("rows", "Rows of these requests.", "", lambda one: str(one.rows))
    yield family("request_bytes", "Bytes of their bodies.", "bytes", lambda one: str(one.bytes_in))
    yield family("response_bytes", "Bytes of the answers.", "bytes", lambda one: str(one.bytes_out))
    yield family("compute_seconds", "Forward passes.", "seconds", lambda one: _seconds(one.compute_us))
    errors = [
        Sample({"key": one.key, "model": one.model, "code": code}, str(count))
        for one in tallies
        for code, count in one.errors.items()
    ]
    yield Counter("pointsman_gateway_errors", "Requests that failed, by code.", "", errors)


def _seconds(microseconds: int) -> str:
    whole, rest = divmod(microseconds, 1_000_000)
    return f"{whole}.{rest:06d}"
