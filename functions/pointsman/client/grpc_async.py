"""The asynchronous gRPC client: its channel."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator
from typing import Any, Final, Self

import grpc

from pointsman.client.ask import Ask
from pointsman.client.async_client import AsyncClient
from pointsman.client.grpc_core import STREAM, GrpcCore, GrpcRequest
from pointsman.client.grpc_feed import Feed
from pointsman.client.grpc_line import Access, GrpcLine, Pair, Roots
from pointsman.client.insistence import Late, Send, Setback
from pointsman.client.prediction import Prediction

# A gateway says at once whether it takes a call. Another server may say so with its first answer.
LET_IN_S: Final = 2.0


class AsyncGrpcClient(AsyncClient[GrpcRequest, bytes]):
    """Use it as an asynchronous context manager, in one event loop. All else is as of GrpcClient."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        retries: int = 3,
        verify: Roots = True,
        certificate: Pair | None = None,
        compression: str = "",
        answer_bytes: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(GrpcCore(retries, clock, chance), sleep)
        self._line = GrpcLine(url, Access(key, verify, certificate, compression, answer_bytes))
        # A channel belongs to the loop in which it is made, so `async with` makes it.
        self._is_open = False
        self._channel: Any = None

    async def __aenter__(self) -> Self:
        self._channel = self._line.channel(grpc.aio)
        self._is_open = True
        return self

    async def stream(
        self, requests: AsyncIterable[Ask] | Iterable[Ask], *, timeout: float = 10.0
    ) -> AsyncGenerator[Prediction, None]:
        """Yield the answers to requests in their order; see GrpcClient. Requests are taken in the loop."""
        self._check_open()
        feed = Feed(self._core.identified, timeout)
        call = self._channel.stream_stream(STREAM)(metadata=self._line.metadata)
        sending = asyncio.create_task(_send(call, feed.each_in_time(requests)))
        try:
            with self._closing_is_an_error():
                while (body := await call.read()) is not grpc.aio.EOF:
                    yield feed.read(body)
        except grpc.RpcError as error:
            raise self._line.broken(error) from None
        finally:
            call.cancel()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        feed.end()

    async def _close(self) -> None:
        await self._channel.close()

    async def _exchange(self, step: Send[GrpcRequest]) -> bytes | Setback | Late:
        method, message = step.request
        call = self._channel.unary_unary(method)
        try:
            with self._closing_is_an_error():
                answer: bytes = await call(message, timeout=step.timeout, metadata=self._line.metadata)
        except grpc.RpcError as error:
            return self._line.setback(error)
        return answer

    @contextlib.contextmanager
    def _closing_is_an_error(self) -> Iterator[None]:
        """Raise ClientError where a call was cancelled because the client closed, not its caller's task."""
        try:
            yield
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                self._check_open()
            raise


async def _send(call: Any, messages: AsyncGenerator[bytes, None]) -> None:
    """Send the messages until they or the call end; why a call ended is for its reader to hear."""
    await _let_in(call)
    async with contextlib.aclosing(messages):
        try:
            async for message in messages:
                await call.write(message)
            await call.done_writing()
        except (grpc.RpcError, asyncio.InvalidStateError):
            return
        except BaseException:
            call.cancel()  # else its reader would wait for answers to what was never asked
            raise


async def _let_in(call: Any) -> None:
    """Return when the server has taken the call.

    A message that meets the end of the call would hide why it has ended. A server that says nothing before
    its first answer is not waited for.
    """
    told = asyncio.ensure_future(call.initial_metadata())
    told.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({told}, timeout=LET_IN_S)
