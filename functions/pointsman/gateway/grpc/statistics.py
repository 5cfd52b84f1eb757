"""Counts and times of the requests that came by the doors, for clients that measure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pointsman.gateway.call import Call
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.v1 import inference_pb2 as pb


class _Counts(msgspec.Struct):
    requests: int = 0
    ns: int = 0
    failed: int = 0
    failed_ns: int = 0
    queue_ns: int = 0
    compute_ns: int = 0
    rows: int = 0
    passes: float = 0.0
    last_ms: int = 0


class Statistics:
    """Of each version, since the gateway started. It must only be told of versions that exist."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], _Counts] = {}

    def record(self, call: Call, response: pb.InferenceResponse, took_ns: int, now_ns: int) -> None:
        """Count one answer of a version."""
        counts = self._counts.setdefault((call.model, response.version), _Counts())
        counts.last_ms = now_ns // 1_000_000
        if response.HasField("error"):
            counts.failed += 1
            counts.failed_ns += took_ns
            return
        rows = _rows(response)
        counts.requests += 1
        counts.ns += took_ns
        counts.queue_ns += response.timings.queued_us * 1_000
        counts.compute_ns += response.timings.compute_us * 1_000
        counts.rows += rows
        # A forward pass over 8 rows, 2 of them this request's, is a quarter of a pass.
        counts.passes += rows / max(rows, response.timings.batch_rows)

    def of(self, model: str = "", version: str = "") -> Iterator[oip.ModelStatistics]:
        """Yield the statistics of one version, of a model's versions, or of all."""
        for (name, which), counts in sorted(self._counts.items()):
            if model in ("", name) and version in ("", which):
                yield _message(name, which, counts)


def _rows(response: pb.InferenceResponse) -> int:
    shapes = [tensor.shape for tensor in response.outputs.tensors]
    return max(1, shapes[0][0]) if shapes and shapes[0] else 1


def _message(model: str, version: str, counts: _Counts) -> oip.ModelStatistics:
    def spent(ns: int, count: int = counts.requests) -> oip.StatisticDuration:
        return oip.StatisticDuration(count=count, ns=ns)

    return oip.ModelStatistics(
        name=model,
        version=version,
        last_inference=counts.last_ms,
        inference_count=counts.rows,
        execution_count=round(counts.passes),
        inference_stats=oip.InferStatistics(
            success=spent(counts.ns),
            fail=spent(counts.failed_ns, counts.failed),
            queue=spent(counts.queue_ns),
            compute_input=spent(0),
            compute_infer=spent(counts.compute_ns),
            compute_output=spent(0),
        ),
    )
