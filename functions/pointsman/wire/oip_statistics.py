"""The statistics of the Open Inference Protocol's extension, as load generators read them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Duration(msgspec.Struct):
    """How often something happened, and how long it took in all, in nanoseconds."""

    count: int = 0
    ns: int = 0


class InferenceStatistics(msgspec.Struct):
    """Requests by their end, and the parts of the time that the successful ones took."""

    success: Duration = msgspec.field(default_factory=Duration)
    fail: Duration = msgspec.field(default_factory=Duration)
    queue: Duration = msgspec.field(default_factory=Duration)
    compute_input: Duration = msgspec.field(default_factory=Duration)
    compute_infer: Duration = msgspec.field(default_factory=Duration)
    compute_output: Duration = msgspec.field(default_factory=Duration)
    cache_hit: Duration = msgspec.field(default_factory=Duration)
    cache_miss: Duration = msgspec.field(default_factory=Duration)


class VersionStatistics(msgspec.Struct):
    """Counters of one version since the server began.

    `last_inference` is in milliseconds since the epoch, 0 for none; `inference_count` counts rows,
    `execution_count` forward passes. `batch_stats`, times by size of batch, are not kept: always empty.
    """

    name: str
    version: str
    last_inference: int = 0
    inference_count: int = 0
    execution_count: int = 0
    inference_stats: InferenceStatistics = msgspec.field(default_factory=InferenceStatistics)
    batch_stats: tuple[()] = ()


_encoder = msgspec.json.Encoder()


def statistics_body(versions: Iterable[VersionStatistics]) -> bytes:
    """Return the body with the counters of these versions."""
    return _encoder.encode({"model_stats": list(versions)})
