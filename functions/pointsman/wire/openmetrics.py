"""Counters in the OpenMetrics text format 1.0, which Prometheus and its like collect.

Written here and not by a client library: these are counters that something else keeps, as integers of any
size, and the libraries keep their own, as floating point that stops counting at 2**53.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Sample(NamedTuple):
    """One counter of a family. `digits` is its value as a decimal number."""

    labels: Mapping[str, str]
    digits: str


class Counter(NamedTuple):
    """A family of counters. `name` ends with `unit` where there is one, and never with _total."""

    name: str
    about: str
    unit: str
    samples: Iterable[Sample]


def counters_to_text(families: Iterable[Counter]) -> bytes:
    """Return the whole answer to a collector."""
    lines: list[str] = []
    for family in families:
        lines.append(f"# TYPE {family.name} counter")
        if family.unit:
            lines.append(f"# UNIT {family.name} {family.unit}")
        lines.append(f"# HELP {family.name} {family.about.translate(_ESCAPES)}")
        lines += [f"{family.name}_total{_labels(one.labels)} {one.digits}" for one in family.samples]
    return "\n".join([*lines, "# EOF\n"]).encode()


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""
