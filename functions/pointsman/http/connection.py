"""One HTTP/1.1 connection: requests in, answers out in their order."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, cast

from pointsman.http.app import Handler, Response, Say
from pointsman.http.budget import Budget
from pointsman.http.deadline import Deadline
from pointsman.http.gathering import Gathering
from pointsman.http.head import head_of
from pointsman.http.incoming import Came, Incoming, Refusal
from pointsman.http.limits import Limits
from pointsman.http.pace import Pace

logger = logging.getLogger(__name__)

# A caller that sends more without waiting for answers is not read from for a while.
MAX_WAITING: Final = 16
# Who was refused in the middle of a body may first hear of it when all of it is sent.
LINGER_S: Final = 2.0


class Terms(NamedTuple):
    """What the connections of one server have in common."""

    handler: Handler
    say: Say
    gathering: Gathering
    limits: Limits
    budget: Budget


class Connection(asyncio.Protocol):
    """Calls the handler, one request at a time.

    `made` is told when the connection begins, and returns False where there are too many; `lost` is told
    when it is gone. What the caller sends is never trusted: what is no HTTP gets 400 and the end of the
    connection, as does a body whose checksum differs; what does not come in time gets 408. A handler that
    raises gets 500.
    """

    def __init__(
        self, terms: Terms, made: Callable[[Connection], bool], lost: Callable[[Connection], None]
    ) -> None:
        # Set while the caller takes what it is sent.
        self._is_writable = asyncio.Event()
        self._is_writable.set()
        self._terms = terms
        self._limits = terms.limits
        self._made = made
        self._lost = lost
        self._incoming = Incoming(self._take, self._go_on, terms.budget, terms.limits.most_body)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Came | Response] = deque()
        self._waiting_size = 0
        self._task: asyncio.Task[None] | None = None
        self._is_draining = False
        self.is_paused = False
        self._is_deaf = False
        self._is_refusing = False
        self._pace = Pace(terms.limits)
        self._whole = Deadline()
        self._asked = Deadline()
        self._read = Deadline()
        self._gone = Deadline()
        self._free_since = 0.0
        self._unsent = 0

    @property
    def socket(self) -> socket.socket | None:
        """The connection's socket, while there is one."""
        return None if self._transport is None else self._transport.get_extra_info("socket")

    @property
    def is_begun(self) -> bool:
        """Whether a request has begun to come and is not whole yet."""
        return self._incoming.is_begun

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its bases
        if not self._made(self):
            self._is_deaf = True
            refusal = self._terms.say(503, "there are too many connections; try again later")
            self._write(head_of(refusal, "close", is_checked=False), refusal.body)
            self._transport.close()
            return
        # A caller whose machine is gone says no goodbye.
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._free_since = asyncio.get_running_loop().time()
        if self._limits.idle_s is not None:
            self._asked.set(self._limits.idle_s, self._idled)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget the transport; a call under way runs to its end, its answer is dropped."""
        self._transport = None
        for deadline in (self._whole, self._asked, self._read, self._gone):
            deadline.clear()
        self._forget_waiting()
        self._incoming.end()
        self._is_writable.set()
        self._lost(self)

    def pause_writing(self) -> None:
        """Start no further call while the caller does not read."""
        self._is_writable.clear()
        if self._limits.write_s is not None and self._transport is not None:
            self._unsent = self._transport.get_write_buffer_size()
            self._read.set(self._limits.write_s, self._unread)

    def resume_writing(self) -> None:
        """Go on."""
        self._read.clear()
        self._is_writable.set()

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._is_deaf:
            return
        try:
            self._incoming.feed(data)
        except Refusal as refusal:
            self._refuse(refusal)
            return
        if self._incoming.is_begun or self._whole.is_set:
            self._watch()
        if not self.is_paused and self._is_too_much() and self._transport is not None:
            self.is_paused = True
            self._whole.clear()  # from now on it is we who do not read
            self._transport.pause_reading()

    def drain(self) -> None:
        """Close the connection after the answers that are due; a request that has begun gets its own."""
        self._is_draining = True
        if self._task is None and not self._incoming.is_begun:
            self._close()

    def abort(self) -> None:
        """Close the connection now."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _take(self, came: Came) -> None:
        """Let a request be answered after those before it."""
        self._pace.restart()
        self._waiting_size += len(came.request.body)
        self._enqueue(came)

    def _go_on(self) -> None:
        # After an answer that is still due it would be taken for that answer; the caller then waits a little.
        if self._task is None:
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n", b"")

    def _refuse(self, refusal: Refusal) -> None:
        """Read no more; say why, after the answers that are due."""
        logger.warning("a request is refused with %d: %s", refusal.status, refusal.text)
        self._is_deaf = self._is_refusing = True
        self._incoming.drop()
        self._whole.clear()
        self._enqueue(self._terms.say(refusal.status, refusal.text))

    def _watch(self) -> None:
        """Wait for the rest of a message that is not whole yet, but not for ever."""
        incoming = self._incoming
        if incoming.is_begun and not self._is_deaf:
            size = incoming.size if incoming.is_in_body else None
            self._whole.set(self._pace.left(asyncio.get_running_loop().time(), size), self._stalled)
        else:
            self._whole.clear()

    def _stalled(self) -> None:
        self._refuse(Refusal(408, "the request did not come whole in time"))

    def _idled(self) -> None:
        """Close a connection without a request; cut it off where the caller does not let it be closed."""
        limit, loop = self._limits.idle_s, asyncio.get_running_loop()
        if limit is None or self._transport is None:
            return
        if self._transport.is_closing():
            self._transport.abort()
        elif self._task is not None or self._incoming.is_begun:
            self._asked.set(limit, self._idled)
        elif (left := limit - (loop.time() - self._free_since)) > 0.001:
            self._asked.set(left, self._idled)
        else:
            self._close()
            self._asked.set(limit, self._idled)

    def _unread(self) -> None:
        """Cut off a caller that reads too slowly what it is sent."""
        limit = self._limits.write_s
        if limit is None or self._transport is None:
            return
        before, self._unsent = self._unsent, self._transport.get_write_buffer_size()
        # The kernel takes in steps of a megabyte and more: one of them may be late.
        if before - self._unsent < limit * self._limits.slowest / 4:
            logger.warning("a caller does not read its answer; its connection is cut off")
            self.abort()
        else:
            self._read.set(limit, self._unread)

    def _enqueue(self, waiting: Came | Response) -> None:
        self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._answer_all())

    def _is_too_much(self) -> bool:
        """Whether there is no reading until something that waits is taken up."""
        most = self._limits.most_waiting
        if most is not None and self._waiting and self._waiting_size + self._incoming.size > most:
            return True
        return len(self._waiting) > MAX_WAITING

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                await self._is_writable.wait()
                await self._answer_next()
        finally:
            self._task = None
            self._free_since = asyncio.get_running_loop().time()

    async def _answer_next(self) -> None:
        """Answer what waits longest; nothing refers to it while the next one waits for its turn."""
        if not self._waiting:
            return  # the connection was lost meanwhile
        waiting = self._waiting.popleft()
        if isinstance(waiting, Response):
            self._leave(head_of(waiting, "close", is_checked=False), waiting.body)
            self._close()
        elif not await self._answer(waiting):
            self._is_deaf = True
            self._forget_waiting()
            self._close()
        self._resume()

    def _forget_waiting(self) -> None:
        for waiting in self._waiting:
            if isinstance(waiting, Came):
                waiting.request.hold.release()
        self._waiting.clear()

    async def _answer(self, came: Came) -> bool:
        """Answer a request; return whether the connection stays after it."""
        request = came.request
        self._waiting_size -= len(request.body)
        try:
            with self._terms.gathering.working():
                response = await self._terms.handler(request)
        except Exception:
            logger.exception("%s %s broke", request.method, request.path)
            response = self._terms.say(500, "the server could not handle this request")
        finally:
            request.hold.release()
        is_last = self._is_draining and not self._waiting and not self._incoming.is_begun
        stays = came.keep_alive and not is_last
        connection = ("keep-alive" if came.is_old else "") if stays else "close"
        head = head_of(response, connection, came.is_checked)
        self._leave(head, b"" if request.method == "HEAD" else response.body)
        return stays

    def _leave(self, head: bytes, body: bytes) -> None:
        self._terms.gathering.leave(partial(self._write, head, body))

    def _write(self, head: bytes, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines((head, body))

    def _close(self) -> None:
        self._terms.gathering.release()
        if self._transport is None:
            return
        if self._is_refusing and not self._gone.is_set:
            # Closed at once, with bytes of the caller unread, the kernel would take the answer back.
            self._gone.set(LINGER_S, self._end)
            if self._transport.can_write_eof():
                self._transport.write_eof()
        else:
            self._transport.close()

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _resume(self) -> None:
        if self.is_paused and not self._is_too_much() and self._transport is not None:
            self.is_paused = False
            self._pace.restart()
            self._watch()
            self._transport.resume_reading()
