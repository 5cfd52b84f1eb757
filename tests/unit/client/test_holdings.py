from __future__ import annotations

from pointsman.client.holdings import SILENCE_MS, Holdings, PodMemory
from pointsman.pb.v1 import routing_pb2, serving_pb2

NOW = 1_000_000


def word(pod: str, model: str, age_ms: int = 0, **fields: object) -> serving_pb2.PodStatus:
    held = serving_pb2.PodStatus.Held(
        version="1", generation=3, state=routing_pb2.READY, footprint=70, in_memory=True, passes=2, rows=9
    )
    status = serving_pb2.PodStatus(pod=pod, pool="gpu", model=model, held=[held], at_ms=NOW - age_ms)
    status.MergeFrom(serving_pb2.PodStatus(**fields))  # type: ignore[arg-type]
    return status


def test_the_last_word_of_each_pod_on_each_model_counts() -> None:
    later = word("p", "a", 10, memory_bytes=80, peak_bytes=90, cache_bytes=100)
    later.held[0].in_memory = False
    found = Holdings.said([word("p", "a", 500), word("q", "a"), word("p", "b", 400), later], NOW)
    assert [(one.pod, one.model, one.in_memory) for one in found.versions] == [
        ("p", "a", False),
        ("q", "a", True),
        ("p", "b", True),
    ]
    assert found.pods["p"] == PodMemory("gpu", 80, 90, 100, NOW - 10)
    one = found.versions[1]
    assert (one.state, one.bytes, one.passes, one.rows) == ("READY", 70, 2, 9)


def test_pods_that_left_or_fell_silent_hold_nothing() -> None:
    silent = word("p", "a", SILENCE_MS + 1)
    assert Holdings.said([silent, word("q", "a"), word("q", "a", leaving=True)], NOW) == ([], {})


def test_a_pod_that_speaks_rarely_is_believed_for_longer() -> None:
    assert Holdings.said([word("p", "a", 50_000, every_ms=20_000)], NOW).pods.keys() == {"p"}
    assert not Holdings.said([word("p", "a", 70_000, every_ms=20_000)], NOW).pods


def test_words_on_another_registration_are_not_about_this_one() -> None:
    found = Holdings.said([word("p", "a")], NOW)
    assert len(found.of("a", "1", 3)) == 1
    assert found.of("a", "1", 4) == found.of("a", "2", 3) == found.of("b", "1", 3) == []
