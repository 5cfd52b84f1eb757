"""`python -m benchmarks.calls [--profile]`: CPU time per request of the two calls, by size of the batch."""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import tempfile
import time
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.calls import messages
from benchmarks.stream import models
from pointsman.core.spec import VersionSpec
from pointsman.runtimes.host import Host, Key
from pointsman.settings import Settings
from pointsman.statefun.claims import Claims
from pointsman.statefun.model_fn import ModelFunction
from pointsman.statefun.router_fn import RouterFunction
from pointsman.statefun.server import FunctionServer

COUNTS: Final = (1, 16, 128, 512)
ROUNDS: Final = 7
REQUESTS_PER_ROUND: Final = 4_000


class Functions:
    """Router and model function in one server, with the MLP held."""

    def __init__(self, folder: Path) -> None:
        settings = Settings()
        self._host = Host(settings)
        self._body = models.body(folder / "request.bin")
        self._spec = VersionSpec(models.artifact(folder, 1).as_uri(), factory="pointsman_examples.mlp:mlp")
        self._server = FunctionServer()
        self._server.bind("pointsman", "router", RouterFunction(settings))
        self._server.bind("models", "default", ModelFunction(self._host, Claims(None)))

    async def calls(self, count: int) -> dict[str, tuple[bytes, int]]:
        """Return each function's call for a batch of `count` requests, and how many of them it serves."""
        key = Key(models.MODEL, "1", messages.GENERATION)
        await self._host.hold(key, self._spec, lambda state, reason: None)
        batch = messages.requests(count, self._body, time.time_ns() // 1_000_000)
        router = messages.router_call(messages.route_table(self._spec), batch)
        model = messages.model_call(await self._server.reply(router))
        return {
            "router": (router, count),
            "model": (model, messages.answers(await self._server.reply(model))),
        }

    async def time(self, call: bytes, count: int) -> float:
        """Return the microseconds of CPU per request, all threads together, in the best of some rounds."""
        repeats = max(3, REQUESTS_PER_ROUND // count)
        best = float("inf")
        for _ in range(ROUNDS):
            before = time.process_time()
            for _ in range(repeats):
                await self._server.reply(call)
            best = min(best, time.process_time() - before)
        return best / repeats / count * 1e6

    async def close(self) -> None:
        """Let the version go."""
        await self._host.close()


async def measure(folder: Path, profile: bool) -> Table:
    """Return the table of CPU times; with `profile`, print where the largest batch spends them."""
    functions = Functions(folder)
    table = Table("requests in a call", "router µs", "model µs", title="CPU per request")
    for count in COUNTS:
        calls = await functions.calls(count)
        table.add_row(str(count), *[f"{await functions.time(*call):.1f}" for call in calls.values()])
    if profile:
        for name, (call, served) in calls.items():
            print(f"{name}, {served} requests in a call")
            with cProfile.Profile() as profiler:
                await functions.time(call, served)
            pstats.Stats(profiler).sort_stats("tottime").print_stats(20)
    await functions.close()
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a request costs in Python.")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    profile = parser.parse_args().profile
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        table = runner.run(measure(Path(folder), profile))
    Console().print(table)


if __name__ == "__main__":
    main()
