"""The plane over the job: a request goes to the interactive topic, its answer comes on our own partition."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
from collections.abc import AsyncIterator
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
_AGAIN_S: Final = 0.2


class RouterPlane:
    """Submits requests to the router and matches their answers.

    Ids of ours are never repeated, so of several answers to one the first counts and the rest is dropped.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._pending = Pending()
        self._claims = Claims(settings.redis)
        self._inboxes: list[Inbox] = []
        self._reply_key = ""
        self._outbox: Outbox | None = None

    @property
    def is_ready(self) -> bool:
        """Whether answers can come."""
        return bool(self._reply_key)

    @property
    def in_flight(self) -> int:
        """How many requests are without an answer."""
        return len(self._pending)

    @contextlib.asynccontextmanager
    async def lifetime(self) -> AsyncIterator[None]:
        """Hold a partition while the application runs; leave it when nothing is pending any more."""
        loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._settings.kafka, lambda tag, reason: self._undelivered(loop, tag, reason))
        lease = Lease(self._settings.kafka, self._session, self._move_to)
        lease.start()
        try:
            yield
        finally:
            await lease.close()
            for inbox in self._inboxes:
                await inbox.close()
            await asyncio.to_thread(self._outbox.close)
            await self._claims.close()

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """Return the answer: outputs, or an error; never raises but for cancellation."""
        if not self._reply_key or self._outbox is None:
            return refused(call, Failure(UNAVAILABLE, "the gateway is not ready yet"))
        if len(self._pending) >= self._settings.gateway_inflight:
            return refused(call, Failure(RESOURCE_EXHAUSTED, "too many requests are in flight here"))
        timeout_ms = min(
            call.timeout_ms or self._settings.gateway_timeout_ms, self._settings.gateway_timeout_ms
        )
        request = self._request(call, timeout_ms)
        value = await self._claims.value_of(request)
        if isinstance(value, Failure):
            return refused(call, value)
        with self._pending.expected(request.id, timeout_ms / 1000 + GRACE_S) as answer:
            await self._outbox.send(topics.INTERACTIVE, call.model.encode(), value, request.id)
            response = await answer
        if response is None:
            return refused(call, Failure(DEADLINE_EXCEEDED, f"no answer within {timeout_ms} ms"))
        return await self._claims.fetched(response)

    def _request(self, call: Call, timeout_ms: int) -> pb.InferenceRequest:
        request = pb.InferenceRequest(
            id=f"{self._session}-{next(self._numbers)}",
            model=call.model,
            version=call.version,
            label=call.label,
            unit=call.unit,
            timeout_ms=timeout_ms,
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
        while True:
            inbox = Inbox(self._settings.kafka, topics.RESPONSES, self._take)
            try:
                partitions = await inbox.open(lambda _: partition)
            except ClientError as error:
                log.warning("partition %d cannot be read: %s", partition, error)
                await inbox.close()
                await asyncio.sleep(_AGAIN_S)
            else:
                break
        self._inboxes.append(inbox)
        self._reply_key = key_for(self._session, partition, partitions)
        if len(self._inboxes) > 1:
            await asyncio.sleep(self._settings.gateway_timeout_ms / 1000 + GRACE_S)
            await self._inboxes.pop(0).close()

    def _take(self, values: list[bytes]) -> None:
        for value in values:
            with contextlib.suppress(DecodeError):  # the partition is shared with answers in other forms
                self._pending.settle(pb.InferenceResponse.FromString(value))

    def _undelivered(self, loop: asyncio.AbstractEventLoop, tag: str, reason: str) -> None:
        failure = Failure(UNAVAILABLE, f"Kafka did not take the record: {reason}")
        response = pb.InferenceResponse(id=tag, error=error_to_pb(failure))
        loop.call_soon_threadsafe(self._pending.settle, response)


def key_for(session: str, partition: int, partitions: int) -> str:
    """Return a key beginning with `session` that the default partitioner puts on a partition."""
    keys = (f"{session}-{number}" for number in itertools.count())
    return next(key for key in keys if partition_of(key.encode(), partitions) == partition)


def refused(call: Call, failure: Failure) -> pb.InferenceResponse:
    """Return the answer to a request that the router has not heard of."""
    return pb.InferenceResponse(model=call.model, version=call.version, error=error_to_pb(failure))
