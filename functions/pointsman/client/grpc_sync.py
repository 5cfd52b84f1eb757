"""The synchronous gRPC client: its channel."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterable

import grpc

from pointsman.client.ask import Ask
from pointsman.client.grpc_core import STREAM, GrpcCore, GrpcRequest
from pointsman.client.grpc_feed import Feed
from pointsman.client.grpc_line import Access, GrpcLine, Pair, Roots
from pointsman.client.insistence import Late, Send, Setback
from pointsman.client.prediction import Prediction
from pointsman.client.sync_client import SyncClient


class GrpcClient(SyncClient[GrpcRequest, bytes]):
    """Use it as a context manager. Threads may share it, and with it its one connection.

    `url` is grpc://HOST:PORT, or grpcs:// for TLS. `key` is an API key, None: that of POINTSMAN_KEY. `verify`
    is the PEM file of roots to trust, `certificate` those of a client's certificate and its private key.
    `compression` is "gzip" or "deflate", both ways. `answer_bytes` is the most that an answer may have, None:
    any. `clock`, `sleep` and `chance` are for tests. Raises SettingsError for arguments that cannot be.
    """

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
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(GrpcCore(retries, clock, chance), sleep)
        self._line = GrpcLine(url, Access(key, verify, certificate, compression, answer_bytes))
        self._channel = self._line.channel(grpc)

    def stream(self, requests: Iterable[Ask], *, timeout: float = 10.0) -> Generator[Prediction, None, None]:
        """Yield the answers to requests in their order, over one call; up to 64 are under way at once.

        Requests are taken as fast as they are answered, by a thread of the library. One that fails has a
        Prediction with its `failure`, and nothing is sent again. `timeout` is each one's deadline for the
        servers, in seconds. Raises what `requests` raises, Refused among it for one that has no form on the
        wire, after the answers to those before; and ClientError where the call ends too early. Who stops to
        iterate gives up what is under way.
        """
        self._check_open()
        feed = Feed(self._core.identified, timeout)
        with self._closing_is_an_error():
            call = self._channel.stream_stream(STREAM)(feed.each(requests), metadata=self._line.metadata)
        try:
            for body in call:
                yield feed.read(body)
        except grpc.RpcError as error:
            raise self._line.broken(error) from None
        finally:
            call.cancel()
        feed.end()

    def _close(self) -> None:
        self._channel.close()

    def _exchange(self, step: Send[GrpcRequest]) -> bytes | Setback | Late:
        method, message = step.request
        call = self._channel.unary_unary(method)
        try:
            answer: bytes = call(message, timeout=step.timeout, metadata=self._line.metadata)
        except grpc.RpcError as error:
            return self._line.setback(error)
        return answer
