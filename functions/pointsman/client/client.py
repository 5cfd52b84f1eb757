"""The client: predictions and control over Kafka, matched by id."""

from __future__ import annotations

import asyncio
import itertools
import math
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self, TypeVar

import msgspec
from google.protobuf.message import DecodeError

from pointsman import topics
from pointsman.client.ack import Ack
from pointsman.client.inbox import Inbox
from pointsman.client.outbox import Outbox
from pointsman.client.prediction import Inputs, Prediction, fill_payload, prediction_from_pb
from pointsman.core.partition import partition_of
from pointsman.errors import UNAVAILABLE, ClientError, Failure, Refused, TimedOut
from pointsman.pb.v1 import inference_pb2 as pb

T = TypeVar("T")


class Client:
    """Use it as an async context manager, in one event loop.

    Requests and their answers are matched by id, so any number may be under way at once. Answers come on
    one partition of the responses topic, which the client's reply key leads to. Of several answers to one
    id the first counts; with `committed` it is one that no restart of the engine can take back.
    """

    def __init__(self, kafka: str, *, committed: bool = False) -> None:
        self._kafka = kafka
        self._committed = committed
        self._session = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._outbox: Outbox | None = None
        self._responses: Inbox | None = None
        self._events: Inbox | None = None
        self._opening = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[Prediction]] = {}
        self._submitted: set[str] = set()
        self._results: asyncio.Queue[Prediction] = asyncio.Queue()
        self._acks: dict[str, asyncio.Future[Ack]] = {}
        self._listeners: set[asyncio.Queue[dict[str, Any]]] = set()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._kafka, self._undelivered)
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._outbox is not None:
            await asyncio.to_thread(self._outbox.close)
        for inbox in (self._responses, self._events):
            if inbox is not None:
                await inbox.close()

    async def predict(
        self,
        model: str,
        inputs: Inputs,
        *,
        version: str | None = None,
        label: str | None = None,
        unit: str | None = None,
        id: str | None = None,  # noqa: A002 - the protocol's name
        timeout: float = 10.0,
        interactive: bool = False,
    ) -> Prediction:
        """Return the answer of a model.

        `unit` keeps to one version under a sticky split. `interactive` passes by what waits in the stream,
        and is refused where the answer would come too late. Raises Refused with the answered failure, and
        TimedOut after `timeout` seconds, which is the request's deadline for the servers as well.
        """
        request = self._request(model, inputs, version, label, unit, id, timeout)
        future: asyncio.Future[Prediction] = self._loop.create_future()
        self._waiting[request.id] = future
        try:
            async with asyncio.timeout(timeout):
                await self._send(request, interactive)
                prediction = await future
        except TimeoutError:
            raise TimedOut(f"no answer from {model} within {timeout:g} s") from None
        finally:
            self._waiting.pop(request.id, None)
        if prediction.failure is not None:
            raise Refused(prediction.failure)
        return prediction

    async def submit(
        self,
        model: str,
        inputs: Inputs,
        *,
        version: str | None = None,
        label: str | None = None,
        unit: str | None = None,
        id: str | None = None,  # noqa: A002 - the protocol's name
        timeout: float | None = None,
        interactive: bool = False,
    ) -> str:
        """Send a request and return its id; the answer comes out of `results`.

        `timeout` in seconds is the request's deadline for the servers; None: the model's own. `interactive`
        as of `predict`.
        """
        request = self._request(model, inputs, version, label, unit, id, timeout)
        self._submitted.add(request.id)
        await self._send(request, interactive)
        return str(request.id)

    async def results(self, timeout: float | None = None) -> AsyncIterator[Prediction]:
        """Yield the answers of submitted requests as they come; ends when none is under way.

        A failed request is a Prediction with its `failure`. Raises TimedOut when nothing comes for
        `timeout` seconds.
        """
        while self._submitted or not self._results.empty():
            try:
                yield await asyncio.wait_for(self._results.get(), timeout)
            except TimeoutError:
                raise TimedOut(f"{len(self._submitted)} requests are without answer") from None

    async def control(self, command: Mapping[str, Any], *, timeout: float = 10.0) -> Ack:
        """Send a control command and return its acknowledgement, refused or not.

        An id is added where the command has none. Raises TimedOut.
        """
        body = {"id": f"{self._session}-{next(self._numbers)}", **command}
        future: asyncio.Future[Ack] = self._loop.create_future()
        self._acks[body["id"]] = future
        try:
            async with asyncio.timeout(timeout):
                await self._open_events()
                key, value = str(body.get("model", "")), msgspec.json.encode(body)
                await self._produce(topics.CONTROL, key, value, body["id"])
                return await future
        except TimeoutError:
            raise TimedOut(f"no acknowledgement within {timeout:g} s") from None
        finally:
            self._acks.pop(body["id"], None)

    async def apply(
        self, spec: Mapping[str, Any], *, expected_epoch: int | None = None, timeout: float = 10.0
    ) -> int:
        """Make a model as described, in the form of a model file, and return its new epoch.

        Raises Refused where the description is invalid or the epoch is not the expected one.
        """
        command: dict[str, Any] = {"model": spec.get("model", ""), "apply": dict(spec)}
        if expected_epoch is not None:
            command["expected_epoch"] = expected_epoch
        ack = await self.control(command, timeout=timeout)
        if ack.error is not None:
            raise Refused(ack.error)
        return ack.epoch

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Return the records of the events topic from this moment on, without end."""
        await self._open_events()
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._listeners.add(queue)
        return _without_end(queue)

    def _request(
        self, model: str, inputs: Inputs, version: str | None, label: str | None, unit: str | None,
        request_id: str | None, timeout: float | None,
    ) -> pb.InferenceRequest:  # fmt: skip
        request = pb.InferenceRequest(
            id=request_id or f"{self._session}-{next(self._numbers)}",
            model=model,
            version=version or "",
            label=label or "",
            unit=unit or "",
            timeout_ms=math.ceil(timeout * 1000) if timeout else 0,
            reply_key=self._session,
        )
        fill_payload(request, inputs)
        return request

    async def _send(self, request: pb.InferenceRequest, interactive: bool) -> None:
        await self._open_responses()
        topic = topics.INTERACTIVE if interactive else topics.REQUESTS
        request.lane = pb.LANE_INTERACTIVE if interactive else pb.LANE_STREAM
        await self._produce(topic, request.model, request.SerializeToString(), request.id)

    async def _produce(self, topic: str, key: str, value: bytes, tag: str) -> None:
        if self._outbox is None:
            raise ClientError("the client is not open: use it in `async with`")
        await self._outbox.send(topic, key.encode(), value, tag)

    async def _open_responses(self) -> None:
        if self._responses is None:
            async with self._opening:
                if self._responses is None:
                    inbox = Inbox(
                        self._kafka, topics.RESPONSES, self._take_responses, committed=self._committed
                    )
                    await inbox.open(lambda partitions: partition_of(self._session.encode(), partitions))
                    self._responses = inbox

    async def _open_events(self) -> None:
        if self._events is None:
            async with self._opening:
                if self._events is None:
                    inbox = Inbox(self._kafka, topics.EVENTS, self._take_events)
                    await inbox.open()
                    self._events = inbox

    def _take_responses(self, values: list[bytes]) -> None:
        for value in values:
            try:
                response = pb.InferenceResponse.FromString(value)
            except DecodeError:
                continue  # the partition is shared with answers to others, in other forms
            if (future := self._waiting.get(response.id)) is not None:
                if not future.done():
                    future.set_result(prediction_from_pb(response))
            elif response.id in self._submitted:
                self._submitted.discard(response.id)
                self._results.put_nowait(prediction_from_pb(response))

    def _take_events(self, values: list[bytes]) -> None:
        for value in values:
            try:
                event = msgspec.json.decode(value, type=dict[str, Any])
            except msgspec.DecodeError:
                continue  # written by somebody else: the router writes objects only
            for listener in self._listeners:
                listener.put_nowait(event)
            future = self._acks.get(event.get("command", ""))
            if event.get("type") == "ack" and future is not None and not future.done():
                future.set_result(msgspec.convert(event, Ack))

    def _undelivered(self, tag: str, reason: str) -> None:
        self._loop.call_soon_threadsafe(self._fail, tag, f"Kafka did not take the record: {reason}")

    def _fail(self, tag: str, reason: str) -> None:
        for future in (self._waiting.get(tag), self._acks.get(tag)):
            if future is not None and not future.done():
                future.set_exception(ClientError(reason))
        if tag in self._submitted:
            self._submitted.discard(tag)
            self._results.put_nowait(Prediction(tag, failure=Failure(UNAVAILABLE, reason)))


async def _without_end(queue: asyncio.Queue[T]) -> AsyncIterator[T]:
    while True:
        yield await queue.get()
