"""Counts and times of the requests that came by all doors, for clients that measure."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_statistics import Duration, VersionStatistics


class Statistics:
    """Of each version, since the gateway started. It must only be told of versions that exist."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], VersionStatistics] = {}
        self._passes: dict[tuple[str, str], float] = {}

    def record(self, model: str, response: pb.InferenceResponse, took_ns: int, now_ms: int) -> None:
        """Count one answer of a version."""
        counts, key = self._of(model, response.version), (model, response.version)
        counts.last_inference = now_ms
        stats = counts.inference_stats
        if response.HasField("error"):
            _spend(stats.fail, took_ns)
            return
        rows = _rows(response)
        counts.inference_count += rows
        # A forward pass over 8 rows, 2 of them this request's, is a quarter of a pass.
        self._passes[key] = self._passes.get(key, 0) + rows / max(1, rows, response.timings.batch_rows)
        counts.execution_count = round(self._passes[key])
        _spend(stats.success, took_ns)
        _spend(stats.queue, response.timings.queued_us * 1_000)
        _spend(stats.compute_infer, response.timings.compute_us * 1_000)
        _spend(stats.compute_input, 0)
        _spend(stats.compute_output, 0)

    def looked_up(self, model: str, version: str, found: bool, took_ns: int) -> None:
        """Count a look into the cache of answers."""
        stats = self._of(model, version).inference_stats
        _spend(stats.cache_hit if found else stats.cache_miss, took_ns)

    def of(self, model: str = "", version: str = "") -> Iterator[VersionStatistics]:
        """Yield the statistics of one version, of a model's versions, or of all."""
        for (name, which), counts in sorted(self._versions.items()):
            if model in ("", name) and version in ("", which):
                yield counts

    def _of(self, model: str, version: str) -> VersionStatistics:
        key = model, version
        found = self._versions.get(key)
        if found is None:
            found = self._versions[key] = VersionStatistics(*key)
        return found


def _spend(duration: Duration, ns: int) -> None:
    duration.count += 1
    duration.ns += max(0, ns)  # a foreign pod may claim anything


def _rows(response: pb.InferenceResponse) -> int:
    shapes = [tensor.shape for tensor in response.outputs.tensors]
    return max(0, shapes[0][0]) if shapes and shapes[0] else 0
