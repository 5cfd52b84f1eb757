"""An HTTP server that sells artifacts, well or badly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Shop(ThreadingHTTPServer):
    """Serves `files` by path. The first word of a path is how: `/broken/…` sends half of it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Clerk)
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.login = ""
        self.asked: list[tuple[str, str]] = []
        self.refusals = 0
        self.gate = threading.Event()

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.server_port}"

    def starts(self, path: str) -> list[str]:
        """Return the ranges that were asked for of a path, in order."""
        return [asked for where, asked in self.asked if where == path]


class _Clerk(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        shop, path = self.server, self.path.partition("?")[0]
        shop.asked.append((path, self.headers.get("Range", "")))
        if path in shop.redirects:
            return self._say(302, b"", Location=shop.redirects[path])
        if shop.login and self.headers.get("Authorization") != shop.login:
            return self._say(401, b"")
        if path not in shop.files:
            return self._say(404, b"")
        if shop.refusals:
            shop.refusals -= 1
            return self._say(503, b"")
        return self._sell(shop.files[path], path.split("/")[1])

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/closed"):
            return self._say(403, b"")
        self.server.files[self.path] = content
        return self._say(201, b"")

    def do_HEAD(self) -> None:
        content = self.server.files.get(self.path)
        self._say(404 if content is None else 200, b"", size=len(content or b""))

    def _sell(self, content: bytes, how: str) -> None:
        start = int(self.headers.get("Range", "bytes=0-")[6:-1]) if how != "whole" else 0
        if start >= len(content):
            return self._say(416, b"")
        part = content[start:]
        more = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        sent = part[: max(1, len(part) // 2)] if how in ("broken", "whole") and len(part) > 4_000 else part
        if how == "whole" and len(self.server.asked) > 2:
            sent = part
        if how == "slow":
            sent = part[:1_000]
        self._say(206 if start else 200, sent, size=len(part), **more)
        if how == "slow":
            self.server.gate.wait(20)
            self.wfile.write(part[1_000:])
        return None

    def _say(self, status: int, body: bytes, size: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if size is None else size))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def open_shop() -> Iterator[Shop]:
    """Run a shop on a free port."""
    with Shop() as shop:
        thread = threading.Thread(target=shop.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield shop
        finally:
            shop.gate.set()
            shop.shutdown()
            thread.join()
