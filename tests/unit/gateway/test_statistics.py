from __future__ import annotations

from pointsman.gateway.statistics import Statistics
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_statistics import Duration


def answer(rows: int, batch_rows: int, queued_us: int = 100, compute_us: int = 40) -> pb.InferenceResponse:
    timings = pb.Timings(queued_us=queued_us, compute_us=compute_us, batch_rows=batch_rows)
    outputs = pb.Tensors(tensors=[pb.Tensor(name="y", datatype="UINT8", shape=[rows])])
    return pb.InferenceResponse(version="v1", timings=timings, outputs=outputs)


def test_totals_are_exact_and_a_pass_counts_once_however_many_shared_it() -> None:
    statistics = Statistics()
    for rows in (1, 2, 5):  # one micro-batch of 8
        statistics.record("m", answer(rows, 8), 2_000_000, 5)
    statistics.record("m", pb.InferenceResponse(version="v1", error=pb.Error(code="INTERNAL")), 1_000_000, 7)
    [found] = statistics.of("m", "v1")
    assert (found.inference_count, found.execution_count, found.last_inference) == (8, 1, 7)
    stats = found.inference_stats
    assert (stats.success, stats.fail) == (Duration(3, 6_000_000), Duration(1, 1_000_000))
    assert (stats.queue, stats.compute_infer) == (Duration(3, 300_000), Duration(3, 120_000))


def test_what_a_foreign_pod_claims_takes_nothing_away() -> None:
    statistics = Statistics()
    statistics.record("m", answer(-3, -1, -100, -100), 1, 1)
    [found] = statistics.of()
    assert (found.inference_count, found.execution_count) == (0, 0)
    assert (found.inference_stats.queue.ns, found.inference_stats.compute_infer.ns) == (0, 0)


def test_each_version_has_its_own_and_looks_into_the_cache_count() -> None:
    statistics = Statistics()
    statistics.record("m", answer(1, 1), 1, 1)
    statistics.looked_up("m", "v2", True, 10)
    statistics.looked_up("m", "v2", False, 20)
    assert [(one.name, one.version) for one in statistics.of()] == [("m", "v1"), ("m", "v2")]
    [kept] = statistics.of("m", "v2")
    assert (kept.inference_stats.cache_hit, kept.inference_stats.cache_miss) == (
        Duration(1, 10),
        Duration(1, 20),
    )
