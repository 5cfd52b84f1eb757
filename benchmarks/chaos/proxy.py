"""A proxy in front of a pod that delays, cuts and corrupts what passes, while it is told to."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from contextlib import suppress
from typing import Final, Literal, Self

Mode = Literal["pass", "delay", "cut", "corrupt"]

CHUNK: Final = 64 << 10
DELAY_S: Final = (0.02, 0.4)
CUT_SHARE: Final = 0.1
CORRUPT_SHARE: Final = 0.2


class Proxy:
    """Passes TCP connections on to `port` of this machine. What it does to a chunk is drawn from `chance`."""

    def __init__(self, port: int, chance: random.Random) -> None:
        self.mode: Mode = "pass"
        self.hits = 0
        self._port = port
        self._chance = chance
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="proxy", daemon=True)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, sock=self._listener))
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # asyncio complains of a connection that is cancelled
            await self._join(reader, writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.transport.abort()
            return
        ways = [asyncio.ensure_future(self._pump(*way)) for way in ((reader, back), (there, writer))]
        try:
            # One way that ends takes the other along, as the death of a pod does.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for side in (writer, back):
                side.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                through = await self._treated(data)
                writer.write(through)
                await writer.drain()
                if len(through) < len(data):
                    return

    async def _treated(self, data: bytes) -> bytes:
        """Return a chunk as it goes on; shorter where the connection is to be cut."""
        if self.mode == "delay":
            self.hits += 1
            await asyncio.sleep(self._chance.uniform(*DELAY_S))
        elif self.mode == "cut" and self._chance.random() < CUT_SHARE:
            self.hits += 1
            return data[: self._chance.randrange(len(data))]
        elif self.mode == "corrupt" and self._chance.random() < CORRUPT_SHARE:
            self.hits += 1
            return flipped(data, self._chance.randrange(8 * len(data)))
        return data


def flipped(data: bytes, bit: int) -> bytes:
    """Return bytes with one bit flipped."""
    spoilt = bytearray(data)
    spoilt[bit // 8] ^= 1 << bit % 8
    return bytes(spoilt)
