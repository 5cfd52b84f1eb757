"""What this gateway process measured of each version: rates and latencies of the last seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from pointsman.core.ids import NOBODY
from pointsman.core.table import RouteTable
from pointsman.gateway.series import Reading, Series, blank

# Of all models together; a version takes 110 KB.
MOST_VERSIONS: Final = 256

# A model and its version.
Pair: TypeAlias = tuple[str, str]


class Meter:
    """Counts. Belongs to one event loop.

    `clock` is monotonic, in seconds, and never below 0. What is not in `tables` counts as version `_` of
    model `_`, what has no version as `_` of its model: names that strangers make up add nothing. Beyond
    `most` versions those that left the tables are forgotten, and if none did whatever is new counts as `_`
    of `_`.
    """

    def __init__(
        self,
        tables: Mapping[str, RouteTable],
        clock: Callable[[], float],
        most: int = MOST_VERSIONS,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._began = clock()
        self._most = most
        self._counted: dict[Pair, Series] = {}

    @property
    def uptime_s(self) -> float:
        """Seconds since counting began."""
        return self._clock() - self._began

    def note(self, model: str, version: str, seconds: float, code: str = "") -> None:
        """Count a request that got its final answer after so many seconds; `code` is "" for success."""
        series = self._counted.get((model, version)) or self._found(model, version)
        now = int(self._clock())
        if code:
            series.failed(now)
        else:
            series.succeeded(now, int(seconds * 1e6))

    def readings(self, seconds: int) -> dict[Pair, Reading]:
        """Return the last seconds, at most WINDOW_S; the one under way is among them."""
        now = self._clock()
        span = max(1.0, min(now - self._began, seconds - 1 + now % 1))
        found = {pair: one.read(int(now), seconds, span) for pair, one in self._counted.items()}
        sums: dict[str, int] = {}
        for (model, _), reading in found.items():
            sums[model] = sums.get(model, 0) + reading.requests
        return {
            pair: reading._replace(share=reading.requests / (sums[pair[0]] or 1))
            for pair, reading in found.items()
        }

    def history(self, model: str, version: str) -> tuple[list[int], list[int]]:
        """Return the requests and errors of each of the last whole seconds, HISTORY_S - 1, oldest first."""
        series = self._counted.get((model, version))
        return series.history(int(self._clock())) if series else (blank(), blank())

    def totals(self) -> dict[Pair, int]:
        """Return how many requests there were in all."""
        return {pair: series.total for pair, series in self._counted.items()}

    def _found(self, model: str, version: str) -> Series:
        table = self._tables.get(model)
        if table is None:
            model, version = NOBODY, NOBODY
        elif version not in table.versions:
            version = NOBODY
        if (model, version) not in self._counted and len(self._counted) >= self._most:
            self._forget()
            if len(self._counted) >= self._most:
                model, version = NOBODY, NOBODY
        if (model, version) not in self._counted:
            self._counted[model, version] = Series()
        return self._counted[model, version]

    def _forget(self) -> None:
        for model, version in list(self._counted):
            table = self._tables.get(model)
            if model != NOBODY and (table is None or version not in (NOBODY, *table.versions)):
                del self._counted[model, version]
