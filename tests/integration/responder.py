"""Plays the job on a real broker, and answers as it is told."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from pointsman import topics
from pointsman.pb.v1 import inference_pb2 as pb

P = ParamSpec("P")


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a coroutine as a test."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Responder:
    """Answers requests with their own tensors, and commands with an acknowledgement."""

    def __init__(self, kafka: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": kafka, "group.id": "responder", "log_level": 0})
        self._producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
        lanes = (topics.REQUESTS, topics.INTERACTIVE)
        read = [TopicPartition(topic, number) for topic in lanes for number in range(4)]
        read.append(TopicPartition(topics.CONTROL, 0))
        for partition in read:
            partition.offset = self._consumer.get_watermark_offsets(partition)[1]
        self._consumer.assign(read)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.topics: list[str] = []
        self._thread.start()
        self.seen: list[pb.InferenceRequest] = []

    def close(self) -> None:
        """Stop answering."""
        self._stop.set()
        self._thread.join()
        self._consumer.close()
        self._producer.flush(10)

    def write(self, topic: str, key: str, value: bytes) -> None:
        """Write a record of somebody else."""
        self._producer.produce(topic, value, key)
        self._producer.flush(10)

    def _serve(self) -> None:
        while not self._stop.is_set():
            message = self._consumer.poll(0.05)
            if message is not None and message.error() is None:
                self.topics.append(message.topic())
                answer = self._control if message.topic() == topics.CONTROL else self._request
                answer(message.value())
            self._producer.poll(0)

    def _request(self, value: bytes) -> None:
        request = pb.InferenceRequest.FromString(value)
        self.seen.append(request)
        if request.model == "silent":
            return
        response = pb.InferenceResponse(id=request.id, model=request.model, version="1", epoch=3)
        if request.model == "refusing":
            response.error.code, response.error.message = "NOT_FOUND", "no such model"
        else:
            response.outputs.CopyFrom(request.tensors)
        # Noise first: an answer to somebody else in another form shares the partition.
        self._producer.produce(topics.RESPONSES, b'{"id":"x"}', request.reply_key)
        self._producer.produce(topics.RESPONSES, response.SerializeToString(), request.reply_key)

    def _control(self, value: bytes) -> None:
        command = msgspec.json.decode(value)
        ack: dict[str, Any] = {"type": "ack", "command": command["id"], "model": command["model"], "epoch": 4}
        if command["model"] == "refusing":
            ack |= {"ok": False, "error": {"code": "INVALID_ARGUMENT", "message": "no", "field": "split"}}
        else:
            ack["ok"] = True
        self._producer.produce(topics.EVENTS, b"not json", command["model"])
        self._producer.produce(topics.EVENTS, msgspec.json.encode(ack), command["model"])
