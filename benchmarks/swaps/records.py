"""What a run left in the topics: when each request was sent, and what was answered."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.stream.models import MODEL
from benchmarks.swaps.reigns import Answer
from pointsman import topics
from pointsman.client.reader import Reader
from pointsman.pb.v1 import inference_pb2 as pb


def sent_ms(kafka: str) -> dict[str, int]:
    """Return request id -> when it came into its topic, in milliseconds."""
    with Reader(kafka, topics.REQUESTS) as reader:
        return {
            pb.RequestHead.FromString(message.value()).id: message.timestamp()[1]
            for message in reader.to_end()
        }


def answers(kafka: str) -> Iterator[Answer]:
    """Yield the model's answers; those that are errors are counted by the load generator."""
    with Reader(kafka, topics.RESPONSES) as reader:
        for message in reader.to_end():
            response = pb.InferenceResponse.FromString(message.value())
            if response.model == MODEL and not response.HasField("error"):
                yield _answer(response, message.timestamp()[1])


def _answer(response: pb.InferenceResponse, written_ms: int) -> Answer:
    numbers = np.frombuffer(response.outputs.tensors[0].raw, "<f4")
    number = int(numbers[0]) if (numbers == numbers[0]).all() else -1
    return Answer(response.id, response.version, response.epoch, number, written_ms)
