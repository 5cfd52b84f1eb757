"""Counts and times of the requests that came by all doors, for clients that measure."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_statistics import Duration, InferenceStatistics, VersionStatistics


class _Counts:
    """The totals of one version, flat: they are added to at every request. Times are in nanoseconds."""

    __slots__ = (
        "compute_ns",
        "failed",
        "failed_ns",
        "hit",
        "last_ms",
        "missed",
        "passes",
        "queued_ns",
        "rows",
        "succeeded",
        "succeeded_ns",
    )

    def __init__(self) -> None:
        self.last_ms = self.rows = 0
        self.passes = 0.0
        self.succeeded = self.succeeded_ns = self.failed = self.failed_ns = 0
        self.queued_ns = self.compute_ns = 0
        self.hit, self.missed = Duration(), Duration()


class Statistics:
    """Of each version, since the gateway started. It must only be told of versions that exist."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], _Counts] = {}

    def record(self, model: str, response: pb.InferenceResponse, took_ns: int, now_ms: int) -> None:
        """Count one answer of a version. An amount below 0, as a foreign pod may claim, counts as 0."""
        counts = self._of(model, response.version)
        counts.last_ms = now_ms
        took_ns = max(0, took_ns)
        if response.HasField("error"):
            counts.failed += 1
            counts.failed_ns += took_ns
            return
        rows, timings = rows_of(response), response.timings
        counts.rows += rows
        # A forward pass over 8 rows, 2 of them this request's, is a quarter of a pass.
        counts.passes += rows / max(1, rows, timings.batch_rows)
        counts.succeeded += 1
        counts.succeeded_ns += took_ns
        counts.queued_ns += max(0, timings.queued_us) * 1_000
        counts.compute_ns += max(0, timings.compute_us) * 1_000

    def looked_up(self, model: str, version: str, found: bool, took_ns: int) -> None:
        """Count a look into the cache of answers."""
        counts = self._of(model, version)
        look = counts.hit if found else counts.missed
        look.count += 1
        look.ns += took_ns

    def of(self, model: str = "", version: str = "") -> Iterator[VersionStatistics]:
        """Yield the statistics of one version, of a model's versions, or of all."""
        for (name, which), counts in sorted(self._versions.items(), key=lambda found: found[0]):
            if model in ("", name) and version in ("", which):
                yield _told(name, which, counts)

    def _of(self, model: str, version: str) -> _Counts:
        key = model, version
        found = self._versions.get(key)
        if found is None:
            found = self._versions[key] = _Counts()
        return found


def rows_of(response: pb.InferenceResponse) -> int:
    """Return the rows of an answer: the first dimension of its first output that has one."""
    for tensor in response.outputs.tensors:
        shape = tensor.shape
        if shape:
            return max(0, shape[0])
    return 0


def _told(model: str, version: str, counts: _Counts) -> VersionStatistics:
    done = counts.succeeded
    stats = InferenceStatistics(
        success=Duration(done, counts.succeeded_ns),
        fail=Duration(counts.failed, counts.failed_ns),
        queue=Duration(done, counts.queued_ns),
        compute_input=Duration(done, 0),
        compute_infer=Duration(done, counts.compute_ns),
        compute_output=Duration(done, 0),
        cache_hit=Duration(counts.hit.count, counts.hit.ns),
        cache_miss=Duration(counts.missed.count, counts.missed.ns),
    )
    return VersionStatistics(model, version, counts.last_ms, counts.rows, round(counts.passes), stats)
