"""What the page shows of models and their versions: the route tables, and what this process measured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from pointsman.core.ids import NOBODY
from pointsman.core.table import RouteTable, VersionEntry, effective_split
from pointsman.core.tensor import TensorSpec
from pointsman.gateway.meter import Meter, Pair
from pointsman.gateway.series import Reading

RECENT_S: Final = 10
LONGER_S: Final = 60


class WindowView(msgspec.Struct):
    """A reading in few digits: rates per second, latencies in milliseconds."""

    requests: int
    rate: float
    error_rate: float
    share: float
    p50_ms: float | None
    p99_ms: float | None


class VersionView(msgspec.Struct):
    """One version. `weight` is in per cent of the split in force; histories are per second, oldest first."""

    version: str
    state: str
    reason: str
    weight: float
    labels: list[str]
    pool: str
    runtime: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    recent: WindowView
    longer: WindowView
    requests: list[int]
    errors: list[int]
    total: int


class ModelView(msgspec.Struct):
    """One model. Its rates count requests that no version answered too."""

    model: str
    epoch: int
    rate: float
    error_rate: float
    versions: list[VersionView]


def models_of(tables: Mapping[str, RouteTable], meter: Meter) -> list[ModelView]:
    """Return the state of all models, by name, and of their versions, numbers as people count them."""
    measured = _Measured(meter)
    return [_model(tables[name], measured) for name in sorted(tables, key=natural)]


class _Measured:
    """All readings of one moment."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.recent = meter.readings(RECENT_S)
        self.longer = meter.readings(LONGER_S)
        self.totals = meter.totals()


def _model(table: RouteTable, measured: _Measured) -> ModelView:
    split = effective_split(table)
    weights = {version: 100 * weight / sum(split.values()) for version, weight in split.items()}
    readings = [reading for (model, _), reading in measured.recent.items() if model == table.model]
    return ModelView(
        model=table.model,
        epoch=table.epoch,
        rate=_rounded(sum(reading.rate for reading in readings)),
        error_rate=_rounded(sum(reading.error_rate for reading in readings)),
        versions=[
            _version(table, table.versions[name], weights.get(name, 0.0), measured)
            for name in sorted(table.versions, key=natural)
        ],
    )


def _version(table: RouteTable, entry: VersionEntry, weight: float, measured: _Measured) -> VersionView:
    pair = table.model, entry.version
    requests, errors = measured.meter.history(*pair)
    signature = entry.spec.signature
    return VersionView(
        version=entry.version,
        state=entry.state.value,
        reason=entry.reason,
        weight=round(weight, 2),
        labels=sorted(label for label, version in table.labels.items() if version == entry.version),
        pool=entry.spec.pool,
        runtime=entry.spec.runtime,
        inputs=signature.inputs if signature else (),
        outputs=signature.outputs if signature else (),
        recent=_window(measured.recent, pair),
        longer=_window(measured.longer, pair),
        requests=requests if any(requests) else [],
        errors=errors if any(errors) else [],
        total=measured.totals.get(pair, 0),
    )


def unknown_rate(meter: Meter) -> float:
    """Return the requests per second to models that there are not."""
    return _rounded(meter.readings(RECENT_S).get((NOBODY, NOBODY), Reading()).rate)


def _window(readings: Mapping[Pair, Reading], pair: Pair) -> WindowView:
    read = readings.get(pair, Reading())
    return WindowView(
        read.requests,
        _rounded(read.rate),
        _rounded(read.error_rate),
        _rounded(read.share),
        None if read.p50_ms is None else _rounded(read.p50_ms),
        None if read.p99_ms is None else _rounded(read.p99_ms),
    )


def _rounded(number: float) -> float:
    """Return a number with the digits that somebody may want to see."""
    return round(number, 4)


_DIGITS: Final = re.compile(r"(\d+)")


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return the key by which names sort as people sort them: 2 before 10."""
    parts = _DIGITS.split(name)
    return tuple((int(part), "") if at % 2 else (-1, part) for at, part in enumerate(parts))
