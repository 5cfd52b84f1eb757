"""The load generator against a real broker, and a responder that misbehaves as told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.stream import echo_stack, models
from benchmarks.stream.generator import Generator, Traffic
from pointsman.errors import StackError
from pointsman.pb.v1 import inference_pb2 as pb

Respond = Callable[[int, pb.InferenceRequest], list[pb.InferenceResponse]]


@pytest.fixture(scope="module")
def generator(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Generator:
    echo_stack.create_topics(kafka, {"requests": 4, "responses": 8, "same": 4})
    return Generator(kafka, tmp_path_factory.mktemp("build"))


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    return Traffic("requests", "responses", ("a", "b"), models.body(tmp_path / "body"))


@contextmanager
def responding(kafka: str, respond: Respond) -> Iterator[list[pb.InferenceRequest]]:
    """Answer every request on a thread; yields the requests seen."""
    seen: list[pb.InferenceRequest] = []
    closing = threading.Event()
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "responder", "fetch.wait.max.ms": 5})
    partitions = [TopicPartition("requests", number) for number in range(4)]
    ends = [consumer.get_watermark_offsets(partition, timeout=10)[1] for partition in partitions]
    consumer.assign([TopicPartition("requests", number, end) for number, end in enumerate(ends)])
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 1, "partitioner": "murmur2_random"})

    def serve() -> None:
        while not closing.is_set():
            for message in consumer.consume(500, 0.02):
                request = pb.InferenceRequest.FromString(message.value())
                for response in respond(len(seen), request):
                    producer.produce("responses", response.SerializeToString(), request.reply_key)
                seen.append(request)
            producer.poll(0)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield seen
    finally:
        closing.set()
        thread.join()
        producer.flush()
        consumer.close()


def held(kafka: str) -> int:
    """Return how many requests the broker has."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "counter"})
    partitions = [TopicPartition("requests", number) for number in range(4)]
    ends = [int(consumer.get_watermark_offsets(partition, timeout=10)[1]) for partition in partitions]
    consumer.close()
    return sum(ends)


def plain(number: int, request: pb.InferenceRequest) -> list[pb.InferenceResponse]:
    return [pb.InferenceResponse(id=request.id, model=request.model, version="1" if number % 10 else "2")]


def test_a_record_comes_back_from_the_broker_alone(generator: Generator) -> None:
    measured = generator.run(Traffic("same", "same"), 10, 0.2, 0.5)

    assert measured.answered == measured.sent > 0
    assert (measured.lost, measured.repeated, measured.errors) == (0, 0, 0)
    assert 0 < measured.p50_ms <= measured.p99_ms <= measured.max_ms * 1.01


def test_requests_are_whole_and_go_to_the_models_in_turn(generator: Generator, traffic: Traffic) -> None:
    with responding(generator.kafka, plain) as seen:
        measured = generator.run(traffic, 20, 0, 0.5)

    assert measured.answered == measured.sent == len(seen)
    assert abs(sum(request.model == "a" for request in seen) - len(seen) / 2) <= 1
    assert len({request.id for request in seen}) == len(seen)
    (tensor,) = seen[0].tensors.tensors
    assert (tensor.name, list(tensor.shape), len(tensor.raw)) == ("x", [1, 64], 256)


def test_versions_are_counted(generator: Generator, traffic: Traffic) -> None:
    with responding(generator.kafka, plain):
        measured = generator.run(traffic, 20, 0, 0.5)

    assert measured.versions.keys() == {"1", "2"}
    assert sum(measured.versions.values()) == measured.answered


def test_an_error_is_an_answer_and_counted(generator: Generator, traffic: Traffic) -> None:
    def refuse(number: int, request: pb.InferenceRequest) -> list[pb.InferenceResponse]:
        return [pb.InferenceResponse(id=request.id, error=pb.Error(code="UNAVAILABLE"))]

    with responding(generator.kafka, refuse):
        measured = generator.run(traffic, 5, 0, 0.3)

    assert measured.errors == measured.answered > 0


def test_a_repeated_answer_is_told_from_the_next_one(generator: Generator, traffic: Traffic) -> None:
    with responding(generator.kafka, lambda number, request: plain(number, request) * 2):
        measured = generator.run(traffic, 5, 0, 0.5)

    assert measured.answered == measured.sent
    assert 0 < measured.repeated <= measured.answered


def test_answers_to_others_are_passed_over(generator: Generator, traffic: Traffic) -> None:
    def stranger(number: int, request: pb.InferenceRequest) -> list[pb.InferenceResponse]:
        foreign = pb.InferenceResponse(id="somebody-else", version="9")
        return [foreign, *plain(number, request)]

    with responding(generator.kafka, stranger):
        measured = generator.run(traffic, 5, 0, 0.3)

    assert measured.answered == measured.sent
    assert "9" not in measured.versions


def test_an_open_loop_sends_at_its_rates_and_tells_refusals_from_failures(
    generator: Generator, traffic: Traffic
) -> None:
    codes = ("RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED")

    def respond(number: int, request: pb.InferenceRequest) -> list[pb.InferenceResponse]:
        if number % 4 < len(codes):
            error = pb.Error(code=codes[number % 4], message="no")
            return [pb.InferenceResponse(id=request.id, error=error)]
        return plain(number, request) if number % 4 == 2 else []

    with responding(generator.kafka, respond) as seen:
        opened = generator.run_open(traffic, [(200, 1), (400, 1)], deadline=10)

    assert [phase.due for phase in opened.phases] == [200, 400] == [second.due for second in opened.seconds]
    assert len(seen) == 600
    for span, each in zip(opened.phases, (50, 100), strict=True):
        assert (span.answered, span.refused, span.failed, span.late, span.unsent) == (each, each, each, 0, 0)
        assert 0 < span.p50_ms <= span.p99_ms
        assert 0 < span.refusal_p50_ms <= span.refusal_max_ms
    assert (opened.lost, opened.repeated) == (150, 0)


def test_an_answer_after_the_deadline_is_late(generator: Generator, traffic: Traffic) -> None:
    with responding(generator.kafka, plain):
        opened = generator.run_open(traffic, [(100, 1)], deadline=0.00001)

    assert (opened.phases[0].answered, opened.phases[0].late) == (0, 100)


def test_a_flood_is_in_the_topic_when_the_generator_ends(generator: Generator, traffic: Traffic) -> None:
    before = held(generator.kafka)
    generator.send(traffic, 70_000, 1)  # more than it could keep in flight

    assert held(generator.kafka) - before == 70_000


def test_a_missing_topic_is_said(generator: Generator) -> None:
    with pytest.raises(StackError, match="nowhere"):
        generator.run(Traffic("nowhere", "nowhere"), 1, 0, 0.1)
