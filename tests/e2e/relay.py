"""A line to a server that can be cut, held and mended: what a remote that dies and returns looks like."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from pointsman.localstack.ports import HOST, reserve


class Relay:
    """Passes bytes between a port of its own, known beforehand, and a server, while it is open."""

    def __init__(self) -> None:
        self._reservation = reserve()
        self.address = f"{HOST}:{self._reservation.port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self._target = ""

    def open(self, target: str) -> None:
        """Pass connections on to HOST:PORT; to nobody, who hangs, where it is empty."""
        self._reservation.release()
        self._target = target
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    def cut(self) -> None:
        """End all connections and take no more."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    def close(self) -> None:
        """End for good."""
        self.cut()
        self._reservation.release()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, int(self.address.rpartition(":")[2]))

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._passed(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            if not self._target:
                await reader.read()
                return
            host, _, port = self._target.rpartition(":")
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
            writers.append(far_writer)
            there, back = _flow(reader, far_writer), _flow(far_reader, writer)
            await asyncio.wait(map(asyncio.ensure_future, (there, back)), return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass
        finally:
            for one in writers:
                one.transport.abort()


async def _flow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
