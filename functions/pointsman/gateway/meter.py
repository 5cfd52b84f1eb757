"""What this gateway process measured of each version: rates and latencies of the last seconds, and totals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import msgspec

from pointsman.core.ids import NOBODY
from pointsman.core.table import RouteTable
from pointsman.gateway.series import Reading, Series, blank
from pointsman.pb.v1 import inference_pb2 as pb

# Of all models together; a version takes 110 KB.
MOST_VERSIONS: Final = 256

# A model and its version.
Pair: TypeAlias = tuple[str, str]


class Totals(msgspec.Struct):
    """Counters of one version since the process began; they only grow. Times are in nanoseconds.

    Every request is either a success or a failure; `timed` counts the successes whose answer said how long
    it waited and computed. `rows` are those of successful requests. `executions` are forward passes, as far
    as they can be known here: a request with r of the n rows of a micro-batch counts r/n of a pass, so that
    a pass whose requests all came through this process counts one.
    """

    success: int = 0
    success_ns: int = 0
    fail: int = 0
    fail_ns: int = 0
    timed: int = 0
    queue_ns: int = 0
    compute_ns: int = 0
    rows: int = 0
    executions: float = 0.0
    last_ms: int = 0
    """When the last answer came, in milliseconds of Unix time; 0: none has."""


class _Counted:
    """A version's last seconds, its totals, and when the clock had its last answer."""

    __slots__ = ("last", "series", "totals")

    def __init__(self) -> None:
        self.series = Series()
        self.totals = Totals()
        self.last = 0.0


class Meter:
    """Counts. Belongs to one event loop.

    `clock` is monotonic, in seconds, and never below 0; `began_ms` is the Unix time of this moment. What is
    not in `tables` counts as version `_` of model `_`, what has no version as `_` of its model: names that
    strangers make up add nothing. Beyond `most` versions those that left the tables are forgotten, and if
    none did whatever is new counts as `_` of `_`.
    """

    def __init__(
        self,
        tables: Mapping[str, RouteTable],
        clock: Callable[[], float],
        began_ms: int = 0,
        most: int = MOST_VERSIONS,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._began = clock()
        self._began_ms = began_ms
        self._most = most
        self._counted: dict[Pair, _Counted] = {}

    @property
    def uptime_s(self) -> float:
        """Seconds since counting began."""
        return self._clock() - self._began

    def note(
        self,
        model: str,
        version: str,
        seconds: float,
        code: str = "",
        answer: pb.InferenceResponse | None = None,
    ) -> None:
        """Count a request that got its final answer after so many seconds; `code` is "" for success.

        `answer` is read for what it says of its rows and of its way through the pod.
        """
        counted = self._counted.get((model, version)) or self._found(model, version)
        now = counted.last = self._clock()
        micros = int(seconds * 1e6)
        totals = counted.totals
        if code:
            counted.series.failed(int(now))
            totals.fail += 1
            totals.fail_ns += micros * 1000
            return
        counted.series.succeeded(int(now), micros)
        totals.success += 1
        totals.success_ns += micros * 1000
        if answer is not None:
            _take(totals, answer)

    def readings(self, seconds: int) -> dict[Pair, Reading]:
        """Return the last seconds, at most WINDOW_S; the one under way is among them."""
        now = self._clock()
        span = max(1.0, min(now - self._began, seconds - 1 + now % 1))
        found = {pair: one.series.read(int(now), seconds, span) for pair, one in self._counted.items()}
        sums: dict[str, int] = {}
        for (model, _), reading in found.items():
            sums[model] = sums.get(model, 0) + reading.requests
        return {
            pair: reading._replace(share=reading.requests / (sums[pair[0]] or 1))
            for pair, reading in found.items()
        }

    def history(self, model: str, version: str) -> tuple[list[int], list[int]]:
        """Return the requests and errors of each of the last whole seconds, HISTORY_S - 1, oldest first."""
        counted = self._counted.get((model, version))
        return counted.series.history(int(self._clock())) if counted else (blank(), blank())

    def totals(self) -> dict[Pair, Totals]:
        """Return copies of all totals."""
        return {pair: self._totals_of(counted) for pair, counted in self._counted.items()}

    def _totals_of(self, counted: _Counted) -> Totals:
        last_ms = self._began_ms + round((counted.last - self._began) * 1000)
        return msgspec.structs.replace(counted.totals, last_ms=last_ms)

    def _found(self, model: str, version: str) -> _Counted:
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
            self._counted[model, version] = _Counted()
        return self._counted[model, version]

    def _forget(self) -> None:
        for model, version in list(self._counted):
            table = self._tables.get(model)
            if model != NOBODY and (table is None or version not in (NOBODY, *table.versions)):
                del self._counted[model, version]


def _take(totals: Totals, answer: pb.InferenceResponse) -> None:
    """Add what an answer says; an amount below 0, as a foreign pod may claim, counts as 0."""
    tensors = answer.outputs.tensors
    shape = tensors[0].shape if tensors else ()
    rows = max(0, shape[0]) if shape else 0
    totals.rows += rows
    if not answer.HasField("timings"):
        return
    timings = answer.timings
    totals.timed += 1
    totals.queue_ns += max(0, timings.queued_us) * 1000
    totals.compute_ns += max(0, timings.compute_us) * 1000
    if timings.batch_rows > 0:
        totals.executions += rows / timings.batch_rows
