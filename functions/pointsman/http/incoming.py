"""What comes on a connection, parsed: requests one after the other, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

import httptools

from pointsman.http.app import Request
from pointsman.http.budget import NO_ROOM, Budget, Hold
from pointsman.http.head import CHECKSUM, checksum

# The request line and the headers together, less what came in one read with the message before; and
# whatever else is no body: trailers, what stands beside the sizes of chunks.
MAX_HEAD: Final = 64 << 10


class Refusal(Exception):
    """What came is not answered by the handler but with this status, and is the last that is read."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Came(NamedTuple):
    """A request, whole.

    `is_checked`: it came with a checksum, and so goes its answer. `is_old`: its sender, of HTTP/1.0, takes
    the connection for closed unless it is told otherwise.
    """

    request: Request
    keep_alive: bool
    is_checked: bool
    is_old: bool


class Incoming:
    """Parses with httptools; tells `take` of each request, and `go_on` when a caller asks before its body.

    A wish for another protocol is not granted: its request is one like others. Nothing is taken from
    trailers, which come after what a proxy may have removed.
    """

    def __init__(
        self,
        take: Callable[[Came], None],
        go_on: Callable[[], None],
        budget: Budget,
        most_body: int | None = None,
    ) -> None:
        self._take = take
        self._go_on = go_on
        self._budget = budget
        self._hold = Hold(budget)
        self._most_body = most_body
        self._parser = httptools.HttpRequestParser(self)
        self.is_begun = False
        self.is_in_body = False
        self.size = 0
        """Bytes of the body so far."""
        # Bytes since the last that made a head whole or were of a body: the parser collects some without end.
        self._loose = 0
        self._target = b""
        self._body = bytearray()  # a list would keep an object for each chunk of a few bytes
        self._headers: dict[str, str] = {}

    def feed(self, data: bytes) -> None:
        """Parse what came. Raises Refusal; then there is nothing more to feed."""
        self._loose += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_past(upgrade, memoryview(data))
        except httptools.HttpParserError as error:
            raise _refusal(error) from None
        if self._loose > MAX_HEAD:
            raise Refusal(400, f"a request line and headers, or trailers, have at most {MAX_HEAD} bytes here")

    def drop(self) -> None:
        """Forget the message that has begun."""
        self.is_begun = self.is_in_body = False
        self._body, self.size = bytearray(), 0
        self._hold.release()

    def end(self) -> None:
        """Forget all that is to be told: nothing more is fed.

        The parser, and whom this tells of requests, refer to it in turn; a connection that has gone would
        stay until the garbage collector comes by.
        """
        self.drop()
        del self._parser, self._take, self._go_on

    def on_message_begin(self) -> None:
        """Begin a request; called by the parser, as are all `on_` methods."""
        self.is_begun = True
        self._target, self._body, self.size, self._headers = b"", bytearray(), 0, {}

    def on_url(self, part: bytes) -> None:
        """Take a part of the request's target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep it, unless it is a trailer."""
        if self.is_in_body:
            return
        key, text = _key(name), value.decode("latin-1")
        headers = self._headers
        if key not in headers:
            headers[key] = text
        elif key == "host":
            raise Refusal(400, "a request names its Host once")
        else:
            headers[key] = f"{headers[key]}, {text}"

    def on_headers_complete(self) -> None:
        """Judge the body by its length; ask for it where its sender waits to be asked."""
        self.is_in_body = True
        self._loose = 0
        if (length := self._headers.get("content-length", "")).isdecimal():
            self._check_size(int(length))
            if not self._hold.fits(int(length)):
                raise _no_room()
        if "expect" in self._headers and self._headers["expect"].lower() == "100-continue":
            self._go_on()

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._loose = 0
        self.size += len(part)
        self._check_size(self.size)
        if not self._hold.resize(self.size):
            raise _no_room()
        self._body += part

    def on_message_complete(self) -> None:
        """Hand over the request."""
        body = bytes(self._body)
        self._body = bytearray()
        self.is_begun = self.is_in_body = False
        self.size = self._loose = 0
        parser, headers = self._parser, self._headers
        method = parser.get_method().decode()
        if parser.should_upgrade():
            if method == "CONNECT":
                raise Refusal(400, "this is no proxy: it does not CONNECT")
            return  # the parser has skipped the body, and stops
        if self._target[:1] != b"/":
            self._make_relative()
        if "host" not in headers and parser.get_http_version() == "1.1":
            raise Refusal(400, "a request of HTTP/1.1 names its Host")
        said = headers.get(CHECKSUM)
        if said is not None and checksum(body) != said:
            # Where the next request begins is not known for certain.
            raise Refusal(400, f"not the body that was sent: its checksum differs, over {len(body)} bytes")
        path, _, query = self._target.decode("latin-1").partition("?")
        is_old = "connection" in headers and parser.get_http_version() == "1.0"
        hold, self._hold = self._hold, Hold(self._budget)
        request = Request(method, path, body, headers, query, hold)
        self._take(Came(request, parser.should_keep_alive(), said is not None, is_old))

    def _go_past(self, upgrade: httptools.HttpParserUpgrade, data: memoryview) -> None:
        """Parse a request again without its wish for another protocol, and what comes after its head."""
        while True:
            data = data[int(upgrade.args[0]) :]
            head = self._head_without_wish()
            self._parser = httptools.HttpRequestParser(self)
            try:
                self._parser.feed_data(head)
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as another:
                upgrade = another
            except httptools.HttpParserError as error:
                raise _refusal(error) from None
            else:
                return

    def _head_without_wish(self) -> bytes:
        # What the parser let pass holds no line ends. Who asked before its body has been told to go on.
        kept = [
            f"{name}: {text}" for name, text in self._headers.items() if name not in ("upgrade", "expect")
        ]
        target = self._target.decode("latin-1")
        first = f"{self._parser.get_method().decode()} {target} HTTP/{self._parser.get_http_version()}"
        return "\r\n".join((first, *kept, "\r\n")).encode("latin-1")

    def _make_relative(self) -> None:
        """Turn a target of the form that proxies are sent, `http://host/path`, into host and path."""
        _, is_absolute, rest = self._target.partition(b"://")
        if is_absolute:
            ends = [at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0]
            end = min(ends, default=len(rest))
            self._headers["host"] = rest[:end].decode("latin-1")
            self._target = rest[end:] if rest[end : end + 1] == b"/" else b"/" + rest[end:]

    def _check_size(self, size: int) -> None:
        if self._most_body is not None and size > self._most_body:
            raise Refusal(413, f"a body has at most {self._most_body} bytes here")


def _no_room() -> Refusal:
    return Refusal(503, NO_ROOM)


@lru_cache(maxsize=64)  # names come again and again; a long one is of 64 KiB
def _key(name: bytes) -> str:
    return name.decode("latin-1").lower()


def _refusal(error: httptools.HttpParserError) -> Refusal:
    if isinstance(error.__context__, Refusal):
        return error.__context__  # raised in the parser's callbacks, which ends its work
    return Refusal(400, "not an HTTP/1.1 request, or one for another protocol")
