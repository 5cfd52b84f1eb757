"""The plane over the job: a request goes to the interactive topic, its answer comes on our own partition."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import secrets
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from google.protobuf.message import DecodeError

from pointsman import topics
from pointsman.client.inbox import Inbox
from pointsman.client.outbox import Outbox
from pointsman.core.partition import partition_of
from pointsman.errors import (
    DEADLINE_EXCEEDED,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    ClientError,
    Failure,
)
from pointsman.gateway.call import Call
from pointsman.gateway.claims import Claims
from pointsman.gateway.lease import Lease
from pointsman.gateway.pending import Pending
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.settings import Settings
from pointsman.wire.response import error_to_pb

log = logging.getLogger(__name__)

# The router answers what is over its time, and can say why. Only where that answer stays away is it ours.
GRACE_S: Final = 0.25
# Where so many wait for answers a request waits for company: the broker, the engine and the router take ten
# that come together for little more than one. Who is alone is sent at once.
CROWD: Final = 48
CROWD_LINGER_MS: Final = 4
_AGAIN_S: Final = 0.2
# A process that stops waits so long at most for what it still owes.
LAST_ANSWERS_S: Final = 10.0
_LOOK_S: Final = 0.02


class RouterPlane:
    """Submits requests to the router and matches their answers.

    Ids of ours are never repeated, so of several answers to one the first counts and the rest is dropped.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._pending = Pending()
        self._in_flight = 0
        self._stopping = asyncio.Event()
        self._claims = Claims(settings.redis)
        self._inboxes: list[Inbox] = []
        self._reply_key = ""
        self._alone: Outbox | None = None
        self._crowd: Outbox | None = None

    @property
    def is_ready(self) -> bool:
        """Whether answers can come."""
        return bool(self._reply_key)

    @property
    def in_flight(self) -> int:
        """How many requests are without an answer."""
        return self._in_flight

    @contextlib.asynccontextmanager
    async def lifetime(self) -> AsyncIterator[None]:
        """Hold a partition while the application runs; wait for the last answers, and leave it last."""
        loop = asyncio.get_running_loop()
        failed = partial(self._undelivered, loop)
        lease = Lease(self._settings.kafka, self._session, self._move_to)
        async with contextlib.AsyncExitStack() as leaving:  # from the last to the first
            leaving.push_async_callback(self._claims.close)
            lease.start()
            leaving.push_async_callback(lease.close)
            outboxes = [Outbox(self._settings.kafka, failed, linger_ms) for linger_ms in (0, CROWD_LINGER_MS)]
            leaving.push_async_callback(_close_all, outboxes)
            self._alone, self._crowd = outboxes
            leaving.push_async_callback(self._close_inboxes)
            leaving.push_async_callback(self._last_answers)
            yield

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """Return the answer: outputs, or an error; never raises but for cancellation."""
        outbox = self._crowd if self._in_flight >= CROWD else self._alone
        if not self._reply_key or outbox is None:
            return refused(call, Failure(UNAVAILABLE, "the gateway is not ready yet"))
        if self._in_flight >= self._settings.gateway_inflight:
            return refused(call, Failure(RESOURCE_EXHAUSTED, "too many requests are in flight here"))
        most_ms = self._settings.gateway_timeout_ms
        timeout_ms = min(call.timeout_ms or most_ms, most_ms)
        due_s = asyncio.get_running_loop().time() + timeout_ms / 1000
        self._in_flight += 1
        try:
            async with asyncio.timeout_at(due_s + GRACE_S):
                return await self._answer(call, due_s, outbox)
        except TimeoutError:
            return refused(call, Failure(DEADLINE_EXCEEDED, f"no answer within {timeout_ms} ms"))
        finally:
            self._in_flight -= 1

    async def _answer(self, call: Call, due_s: float, outbox: Outbox) -> pb.InferenceResponse:
        loop = asyncio.get_running_loop()
        request = self._request(call)
        # 0 would stand for the model's own deadline.
        value = await self._claims.value_of(request, lambda: max(1, math.ceil((due_s - loop.time()) * 1000)))
        if isinstance(value, Failure):
            return refused(call, value)
        with self._pending.expected(request.id) as answer:
            await outbox.send(topics.INTERACTIVE, call.model.encode(), value, request.id)
            response = await answer
        return await self._claims.fetched(response)

    def _request(self, call: Call) -> pb.InferenceRequest:
        request = pb.InferenceRequest(
            id=f"{self._session}-{next(self._numbers)}",
            model=call.model,
            version=call.version,
            label=call.label,
            unit=call.unit,
            reply_key=self._reply_key,
            lane=pb.LANE_INTERACTIVE,
            traceparent=call.traceparent,
            parameters=call.parameters,
        )
        if call.json:
            request.json = call.json
        else:
            request.tensors.tensors.extend(call.tensors)
        return request

    async def _move_to(self, partition: int) -> None:
        """Have answers sent to another partition; those under way still come to the one before."""
        opened = await self._opened(partition)
        if opened is None:
            return
        inbox, partitions = opened
        self._inboxes.append(inbox)
        self._reply_key = key_for(self._session, partition, partitions)
        if len(self._inboxes) > 1:
            await asyncio.sleep(self._settings.gateway_timeout_ms / 1000 + GRACE_S)
            if not self._stopping.is_set():
                await self._inboxes.pop(0).close()

    async def _opened(self, partition: int) -> tuple[Inbox, int] | None:
        """Return a partition's reader, and how many partitions there are; None where we stop before."""
        while not self._stopping.is_set():
            inbox = Inbox(self._settings.kafka, topics.RESPONSES, self._take)
            try:
                partitions = await inbox.open(lambda _: partition)
            except ClientError as error:
                log.warning("partition %d cannot be read: %s", partition, error)
                await inbox.close()
                await asyncio.sleep(_AGAIN_S)
                continue
            if not self._stopping.is_set():
                return inbox, partitions
            await inbox.close()
        return None

    async def _last_answers(self) -> None:
        """Take no more requests; return when those under way are answered, or have waited long enough."""
        self._stopping.set()
        self._reply_key = ""
        limit_s = min(self._settings.gateway_timeout_ms / 1000, LAST_ANSWERS_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while self._in_flight:
                    await asyncio.sleep(_LOOK_S)

    async def _close_inboxes(self) -> None:
        for inbox in self._inboxes:
            await inbox.close()

    def _take(self, values: list[bytes]) -> None:
        for value in values:
            with contextlib.suppress(DecodeError):  # the partition is shared with answers in other forms
                self._pending.settle(pb.InferenceResponse.FromString(value))

    def _undelivered(self, loop: asyncio.AbstractEventLoop, tag: str, reason: str) -> None:
        failure = Failure(UNAVAILABLE, f"Kafka did not take the record: {reason}")
        response = pb.InferenceResponse(id=tag, error=error_to_pb(failure))
        loop.call_soon_threadsafe(self._pending.settle, response)


async def _close_all(outboxes: list[Outbox]) -> None:
    await asyncio.gather(*(asyncio.to_thread(outbox.close) for outbox in outboxes))


def key_for(session: str, partition: int, partitions: int) -> str:
    """Return a key beginning with `session` that the default partitioner puts on a partition."""
    keys = (f"{session}-{number}" for number in itertools.count())
    return next(key for key in keys if partition_of(key.encode(), partitions) == partition)


def refused(call: Call, failure: Failure) -> pb.InferenceResponse:
    """Return the answer to a request that the router has not heard of."""
    return pb.InferenceResponse(model=call.model, version=call.version, error=error_to_pb(failure))
