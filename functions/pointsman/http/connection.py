"""One HTTP/1.1 connection: requests in, answers out in their order."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, cast

import httptools

from pointsman.http.app import Handler, Request, Response
from pointsman.http.gathering import Gathering
from pointsman.http.head import CHECKSUM, checksum, head_of

logger = logging.getLogger(__name__)

# A caller that sends more without waiting for answers is not read from for a while.
MAX_WAITING: Final = 16
# The request line and the headers together, less what came in one read with the message before.
MAX_HEAD: Final = 64 << 10
# A message that breaks off for so long will not be whole: its length came corrupt, or its sender is gone.
STALL_S: Final = 5.0
# Who was refused in the middle of a body may first hear of it when all of it is sent.
LINGER_S: Final = 2.0
_MALFORMED: Final = Response(b"not an HTTP/1.1 request, or one for another protocol\n", 400, "text/plain")
_CORRUPT: Final = Response(b"not the body that was sent: its checksum differs\n", 400, "text/plain")
_BROKEN: Final = Response(b"the server could not handle this request\n", 500, "text/plain")


class _HeadTooLarge(Exception):
    """A request line and headers beyond MAX_HEAD."""


class _BodyTooLarge(Exception):
    """A body beyond what is read; raised in the parser's callbacks, which ends its work."""


class _Waiting(NamedTuple):
    """A request that is to be answered, or the answer where there is nothing to ask anybody.

    `is_checked`: it came with a checksum, and so goes its answer.
    """

    request: Request | Response
    keep_alive: bool
    is_checked: bool = False


class Connection(asyncio.Protocol):
    """Parses with httptools and calls the handler, one request at a time.

    `lost` is told when the connection is gone. What the caller sends is never trusted: what is no HTTP gets
    400 and the end of the connection, as does a body whose checksum differs. A handler that raises gets 500.
    """

    def __init__(
        self,
        handler: Handler,
        lost: Callable[[Connection], None],
        gathering: Gathering,
        most_body: int | None = None,
    ) -> None:
        # Set while the caller takes what it is sent.
        self._is_writable = asyncio.Event()
        self._is_writable.set()
        self._handler = handler
        self._lost = lost
        self._gathering = gathering
        self._most_body = most_body
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_draining = False
        self.is_paused = False
        self._is_deaf = False
        self._is_in_message = False
        self._stall: asyncio.TimerHandle | None = None
        # Bytes of a head that is not complete yet; the parser would collect it without end.
        self._head_size = 0
        self._is_in_body = False
        self._target = b""
        self._body: list[bytes] = []
        self._body_size = 0
        self._headers: dict[str, str] = {}

    @property
    def socket(self) -> socket.socket | None:
        """The connection's socket, while there is one."""
        return None if self._transport is None else self._transport.get_extra_info("socket")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its bases
        # A caller whose machine is gone says no goodbye.
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget the transport; a call under way runs to its end, its answer is dropped."""
        self._transport = None
        self._stop_watching()
        self._waiting.clear()
        self._is_writable.set()
        self._lost(self)

    def pause_writing(self) -> None:
        """Start no further call while the caller does not read."""
        self._is_writable.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._is_writable.set()

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._is_deaf:
            return
        self._head_size += len(data)  # set back at the end of a message
        try:
            self._parser.feed_data(data)
            if self._head_size > MAX_HEAD and not self._is_in_body:
                raise _HeadTooLarge(f"a head of more than {MAX_HEAD} bytes")
        except httptools.HttpParserUpgrade:
            self._is_deaf = True  # its request is refused; what follows may be of another protocol
        except (httptools.HttpParserError, _HeadTooLarge) as error:
            self._is_deaf = True
            if isinstance(error.__context__, _BodyTooLarge):
                self._enqueue(_Waiting(_too_large(self._most_body), keep_alive=False))
            else:
                logger.warning("no HTTP request: %s", error)
                self._enqueue(_Waiting(_MALFORMED, keep_alive=False))
        self._watch()

    def on_message_begin(self) -> None:
        """Begin a request; called by the parser, as are all `on_` methods."""
        self._is_in_message = True
        self._target, self._body, self._body_size, self._headers = b"", [], 0, {}

    def on_url(self, part: bytes) -> None:
        """Take a part of the request's target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep it; answer the one header that asks for something before the body is sent."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text
        asks = key == "expect" and text.lower() == "100-continue"
        # After an answer that is still due it would be taken for that answer; the caller then waits a little.
        if asks and self._task is None and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_headers_complete(self) -> None:
        """Stop counting the head."""
        self._is_in_body = True
        length = self._headers.get("content-length", "")
        if length.isdecimal():
            self._check_size(int(length))

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._body_size += len(part)
        self._check_size(self._body_size)
        self._body.append(part)

    def on_message_complete(self) -> None:
        """Let the request be answered after those before it."""
        path, _, query = self._target.decode("latin-1").partition("?")
        method = self._parser.get_method().decode()
        request = Request(method, path, b"".join(self._body), self._headers, query)
        self._body = []
        self._is_in_message = self._is_in_body = False
        self._head_size = 0
        said = self._headers.get(CHECKSUM)
        is_checked = said is not None
        if self._parser.should_upgrade():
            # Its body was not read: no answer could be right.
            self._enqueue(_Waiting(_MALFORMED, keep_alive=False))
        elif is_checked and checksum(request.body) != said:
            logger.warning("a call of %d bytes came corrupt, and is refused", len(request.body))
            self._is_deaf = True  # where the next request begins is not known for certain
            self._enqueue(_Waiting(_CORRUPT, keep_alive=False))
        else:
            self._enqueue(_Waiting(request, self._parser.should_keep_alive(), is_checked))

    def drain(self) -> None:
        """Close the connection after the answers that are due."""
        self._is_draining = True
        if self._task is None:
            self._close()

    def abort(self) -> None:
        """Close the connection now."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _check_size(self, size: int) -> None:
        if self._most_body is not None and size > self._most_body:
            raise _BodyTooLarge

    def _watch(self) -> None:
        """Wait for the rest of a message that is not whole yet, but not for ever."""
        self._stop_watching()
        if self._is_in_message and not self._is_deaf:
            self._stall = asyncio.get_running_loop().call_later(STALL_S, self._stalled)

    def _stop_watching(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _stalled(self) -> None:
        if self.is_paused:
            self._watch()  # it is we who do not read
        else:
            logger.warning("a request broke off; its connection is closed")
            self._close()

    def _enqueue(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._answer_all())
        if len(self._waiting) > MAX_WAITING and not self.is_paused and self._transport is not None:
            self.is_paused = True
            self._transport.pause_reading()

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                await self._is_writable.wait()
                if not self._waiting:
                    break  # the connection was lost meanwhile
                request, keep_alive, is_checked = self._waiting.popleft()
                response = request if isinstance(request, Response) else await self._answer(request)
                is_last = self._is_draining and not self._waiting
                head = head_of(response, keep_alive and not is_last, is_checked)
                is_bare = isinstance(request, Request) and request.method == "HEAD"
                write = partial(self._write, head, b"" if is_bare else response.body)
                self._gathering.leave(write)
                if is_last or not keep_alive:
                    self._close()
                self._resume()
        finally:
            self._task = None

    async def _answer(self, request: Request) -> Response:
        try:
            with self._gathering.working():
                return await self._handler(request)
        except Exception:
            logger.exception("%s %s broke", request.method, request.path)
            return _BROKEN

    def _write(self, head: bytes, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines((head, body))

    def _close(self) -> None:
        self._gathering.release()
        if self._transport is None:
            return
        if self._is_deaf and self._is_in_body and self._stall is None:
            # Closed at once, with bytes of the body unread, the kernel would take the answer back.
            self._stall = asyncio.get_running_loop().call_later(LINGER_S, self._transport.close)
            if self._transport.can_write_eof():
                self._transport.write_eof()
        else:
            self._transport.close()

    def _resume(self) -> None:
        if self.is_paused and len(self._waiting) <= MAX_WAITING and self._transport is not None:
            self.is_paused = False
            self._transport.resume_reading()


def _too_large(most: int | None) -> Response:
    said = f"a body has at most {most} bytes here\n"
    return Response(said.encode(), 413, "text/plain")
