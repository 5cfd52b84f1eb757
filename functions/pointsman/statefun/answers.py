"""The answers of one task batch: responses in the form of their requests, and dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pointsman.core.tensor import Item
from pointsman.errors import RESOURCE_EXHAUSTED, Failure
from pointsman.outputs import OUT
from pointsman.pb.v1 import inference_pb2, ingress_pb2
from pointsman.runtimes.base import PASSING, Result
from pointsman.statefun.claims import Claims
from pointsman.statefun.clock import Clock
from pointsman.statefun.effects import Effects, fits
from pointsman.statefun.protocol import DIVERTED
from pointsman.statefun.returned import diverted_of
from pointsman.topics import RESPONSES
from pointsman.wire.head import JSON
from pointsman.wire.json_request import context_from_json, form_of
from pointsman.wire.json_response import Answered, answer_to_json, refusal_to_json
from pointsman.wire.response import ResponseWriter, Served, echo_of
from pointsman.wire.task import Batch, Work, oldest_ms, read_records

_NO_TIMINGS = inference_pb2.Timings()
_TOO_LARGE = Failure(
    RESOURCE_EXHAUSTED,
    "the response is larger than the output topic takes; protobuf requests get it by reference",
)
SPENT: Final = Failure(RESOURCE_EXHAUSTED, "the batch's answers are too large together; try again")


class Answers:
    """Writes one final answer per task of a batch."""

    def __init__(
        self,
        batch: Batch,
        value: bytes,
        effects: Effects,
        claims: Claims,
        clock: Clock,
    ) -> None:
        self._value = value
        self._records: Sequence[bytes] | None = None
        self._effects = effects
        self._claims = claims
        self._clock = clock
        self._batch = batch
        self._output = batch.output or RESPONSES
        self._egress = batch.egress or OUT
        self._served = Served(batch.model, batch.version, batch.arm, batch.epoch)
        self._done: set[int] = set()
        self._diverted: dict[Failure, list[int]] = {}
        self.failed = 0

    def has(self, index: int) -> bool:
        """Whether the task has its answer."""
        return index in self._done

    async def add(
        self,
        timings: inference_pb2.Timings,
        started_ms: int,
        work: Sequence[tuple[int, Work]],
        results: Sequence[Result],
    ) -> None:
        """Answer tasks with what the model said of each."""
        timings.queued_us = max(0, started_ms - oldest_ms(self._batch)) * 1000
        writer = ResponseWriter(self._served, timings)
        for (index, one), result in zip(work, results, strict=True):
            if isinstance(result, Failure) and self._has_fallback(one, result):
                self._diverted.setdefault(result, []).append(index)
                self._done.add(index)
            elif isinstance(result, Failure) or self._effects.is_spent:
                self.refuse(index, one, result if isinstance(result, Failure) else SPENT)
            else:
                key = one.task.reply_key
                answer = self._encoded(writer, one, result)
                if not isinstance(answer, Failure) and not fits(key, answer):
                    answer = await self._by_reference(writer, one, result)
                if isinstance(answer, Failure):
                    self.refuse(index, one, answer)
                    continue
                self._effects.egress(self._output, key, answer, self._egress)
                self._done.add(index)

    def _encoded(self, writer: ResponseWriter, one: Work, item: Item) -> bytes | Failure:
        if one.request is None:
            answered = Answered(one.task.id, self._served, one.task.decision_id, context_from_json(one.json))
            return answer_to_json(answered, form_of(one.json), item)
        return writer.answer(one.task.id, one.task.decision_id, item, echo_of(one.request))

    async def _by_reference(self, writer: ResponseWriter, one: Work, item: Item) -> bytes | Failure:
        if one.request is None:
            return _TOO_LARGE
        stored = await self._claims.store(item)
        if isinstance(stored, Failure):
            return stored
        outputs = inference_pb2.InferenceResponse(outputs=stored).SerializeToString()
        return writer.answer(one.task.id, one.task.decision_id, {}, outputs + echo_of(one.request))

    def refuse(self, index: int, one: Work, failure: Failure) -> None:
        """Answer a task with an error, and lay its record among the dead letters."""
        if one.format == JSON:
            answered = Answered(one.task.id, self._served, one.task.decision_id, context_from_json(one.json))
            answer = refusal_to_json(answered, failure)
        else:
            echo = echo_of(one.request) if one.request is not None else b""
            writer = ResponseWriter(self._served, _NO_TIMINGS)
            answer = writer.refusal(one.task.id, one.task.decision_id, failure, echo)
        self._effects.egress(self._output, one.task.reply_key, answer, self._egress)
        self._done.add(index)
        self.failed += 1
        if one.interactive and failure.retryable:
            return
        ingress = ingress_pb2.Ingress.FromString(self._record(index))
        task, at_ms = one.task, self._clock()
        self._effects.letter(
            ingress, self._served, task.id, failure, at_ms, task.decision_id, egress=self._egress
        )

    def close(self) -> None:
        """Send what the version could not answer back to the router, for its fallback."""
        for failure, indices in self._diverted.items():
            records = [self._record(index) for index in indices]
            for message in diverted_of(records, self._batch.version, self._batch.epoch, failure):
                self._effects.send("pointsman", "router", self._batch.model, DIVERTED, message)

    def _has_fallback(self, one: Work, failure: Failure) -> bool:
        """Whether another version may answer instead, and there is time for it."""
        in_time = not one.task.deadline_ms or self._clock() < one.task.deadline_ms
        return bool(self._batch.fallback) and failure.code in PASSING and in_time

    def _record(self, index: int) -> bytes:
        if self._records is None:
            self._records = read_records(self._value)
        return self._records[index]
