"""The door of our own service: pointsman.v1.Inference, with the messages of the topics."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, TypeAlias

from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.gateway.call import Call
from pointsman.gateway.grpc.caller import Caller
from pointsman.gateway.grpc.door import Door
from pointsman.gateway.grpc.handlers import settled
from pointsman.gateway.grpc.ordered import answer_in_order
from pointsman.pb.v1 import gateway_pb2
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.response import error_to_pb

# Both name a model, and perhaps a version or label of it.
Target: TypeAlias = pb.InferenceRequest | gateway_pb2.InferManyRequest.Target

MAX_TARGETS: Final = 64
MAX_REFUSED: Final = 100


class Inference:
    """The methods of pointsman.v1.Inference."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def infer(self, request: pb.InferenceRequest, caller: Caller) -> pb.InferenceResponse | Failure:
        """Return the answer; it has the request's id, context and traceparent."""
        return await self._ask(request, request, caller)

    async def infer_many(
        self,
        request: gateway_pb2.InferManyRequest,
        caller: Caller,
        send: Callable[[pb.InferenceResponse], Awaitable[None]],
    ) -> Failure | None:
        """Send the answer of each target as soon as it is there."""
        failure = _targets_failure(request.targets)
        if failure is not None:
            return failure
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(self._answer(request.request, target, caller)) for target in request.targets
            ]
            for answer in asyncio.as_completed(asked):
                await send(await answer)
        return None

    async def submit(
        self, requests: AsyncIterable[pb.InferenceRequest | Failure], caller: Caller
    ) -> gateway_pb2.Summary:
        """Return what became of all the requests."""
        tally = _Tally()

        async def add(answer: pb.InferenceResponse) -> None:
            tally.add(answer)

        await answer_in_order(requests, self._answerer(caller), add, self._door.window)
        return tally.summary()

    async def stream(
        self,
        requests: AsyncIterable[pb.InferenceRequest | Failure],
        caller: Caller,
        send: Callable[[pb.InferenceResponse], Awaitable[None]],
    ) -> None:
        """Answer each request, in order; an error is an answer too."""
        await answer_in_order(requests, self._answerer(caller), send, self._door.window)

    def _answerer(
        self, caller: Caller
    ) -> Callable[[pb.InferenceRequest | Failure], Coroutine[Any, Any, pb.InferenceResponse]]:
        async def answer(request: pb.InferenceRequest | Failure) -> pb.InferenceResponse:
            if isinstance(request, Failure):
                return pb.InferenceResponse(error=error_to_pb(request))
            return await self._answer(request, request, caller)

        return answer

    async def _answer(
        self, request: pb.InferenceRequest, target: Target, caller: Caller
    ) -> pb.InferenceResponse:
        answer = await settled(self._ask(request, target, caller.in_stream()))
        if not isinstance(answer, Failure):
            return answer
        return pb.InferenceResponse(
            id=request.id,
            model=target.model,
            version=target.version,
            context=request.context,
            error=error_to_pb(answer),
        )

    async def _ask(
        self, request: pb.InferenceRequest, target: Target, caller: Caller
    ) -> pb.InferenceResponse | Failure:
        call = call_of(request, target, caller)
        if isinstance(call, Failure):
            return call
        response = await self._door.ask(call, caller)
        if isinstance(response, Failure):
            return response
        answer = pb.InferenceResponse()
        answer.CopyFrom(response)  # the plane may keep its own
        answer.id, answer.context, answer.traceparent = call.id, request.context, call.traceparent
        return answer


class _Tally:
    def __init__(self) -> None:
        self._served: Counter[tuple[str, str]] = Counter()
        self._codes: Counter[str] = Counter()
        self._refused: list[gateway_pb2.Summary.Refused] = []
        self._received = 0

    def add(self, answer: pb.InferenceResponse) -> None:
        number, self._received = self._received, self._received + 1
        if not answer.HasField("error"):
            self._served[answer.model, answer.version] += 1
            return
        self._codes[answer.error.code] += 1
        if len(self._refused) < MAX_REFUSED:
            self._refused.append(
                gateway_pb2.Summary.Refused(number=number, id=answer.id[:80], error=answer.error)
            )

    def summary(self) -> gateway_pb2.Summary:
        return gateway_pb2.Summary(
            received=self._received,
            answered=self._served.total(),
            failed=self._codes.total(),
            served=[
                gateway_pb2.Summary.Served(model=model, version=version, answered=answered)
                for (model, version), answered in sorted(self._served.items())
            ],
            codes=self._codes,
            refused=self._refused,
        )


def call_of(request: pb.InferenceRequest, target: Target, caller: Caller) -> Call | Failure:
    """Return what the request asks of the target; a payload that the topics alone have is refused."""
    if not target.model:
        return Failure(INVALID_ARGUMENT, "the request names no model", "model")
    if request.timeout_ms < 0:
        return Failure(INVALID_ARGUMENT, "timeout_ms is not negative", "timeout_ms")
    payload = request.WhichOneof("payload")
    if payload not in ("tensors", "json"):
        return Failure(
            INVALID_ARGUMENT, "the payload is tensors or json; a blob is a BYTES tensor", "payload"
        )
    return Call(
        model=target.model,
        version=target.version,
        label=target.label,
        id=request.id or caller.request_id,
        unit=request.unit or caller.unit,
        timeout_ms=caller.within(request.timeout_ms),
        tensors=request.tensors.tensors,
        json=request.json,
        traceparent=request.traceparent or caller.traceparent,
        parameters=dict(request.parameters),
    )


def _targets_failure(targets: Sequence[gateway_pb2.InferManyRequest.Target]) -> Failure | None:
    if not 1 <= len(targets) <= MAX_TARGETS:
        return Failure(INVALID_ARGUMENT, f"targets: 1 to {MAX_TARGETS}, not {len(targets)}", "targets")
    if len({(target.model, target.version, target.label) for target in targets}) < len(targets):
        return Failure(INVALID_ARGUMENT, "a target comes twice", "targets")
    return None
