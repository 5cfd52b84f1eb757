"""A host with a version that hangs, leaks or crashes in a process of its own, and one on a thread."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from pointsman.core.spec import VersionSpec
from pointsman.errors import DEADLINE_EXCEEDED, INTERNAL, Failure
from pointsman.runtimes.base import Key, Result
from pointsman.runtimes.host import Host
from pointsman.settings import Settings

APART, BESIDE = Key("apart", "1", 1), Key("beside", "1", 1)
FACTORY = "benchmarks.poison.models:perilous"


def row(*values: float) -> dict[str, np.ndarray]:
    return {"x": np.array([[*values, 0, 0, 0]], np.float32)[:, :4]}


def told(result: Result) -> str | float:
    """Return the first number of an answer, or the code of a failure."""
    return result.code if isinstance(result, Failure) else float(result["y"][0, 0])


@pytest.mark.parametrize(
    ("order", "expected", "times", "timeout_ms"),
    [(-5.0, DEADLINE_EXCEEDED, 1, 1_000), (-7.0, -7.0, 8, 20_000), (-1.0, INTERNAL, 2, 20_000)],
    ids=["hangs", "leaks", "crashes"],
)
def test_trouble_in_a_process_of_its_own_is_nobody_else_s(
    tmp_path: Path, order: float, expected: str | float, times: int, timeout_ms: int
) -> None:
    path = tmp_path / "perilous.safetensors"
    save_file({"weight": np.eye(4, dtype=np.float32)}, path)
    beside = VersionSpec(path.as_uri(), factory=FACTORY)
    apart = VersionSpec(
        path.as_uri(), factory=FACTORY, isolation="process", compute_timeout=timeout_ms, memory=3 * 2**28
    )

    async def story() -> tuple[list[Result], list[Result], bool]:
        host = Host(Settings())
        try:
            for key, spec in ((APART, apart), (BESIDE, beside)):
                await host.hold(key, spec, lambda state, reason: None)
            troubled, quiet, done = list[Result](), list[Result](), asyncio.Event()

            async def trouble() -> None:
                for number in range(times):
                    ran = await host.run(APART, [row(1), row(order, number), row(2)])
                    troubled.extend(ran.results)
                done.set()

            async def neighbour() -> None:
                while not done.is_set():
                    quiet.extend((await host.run(BESIDE, [row(3)])).results)

            await asyncio.wait_for(asyncio.gather(trouble(), neighbour()), 60)
            return troubled, quiet, host.recycle.is_set()
        finally:
            await host.close()

    troubled, quiet, is_recycled = asyncio.run(story())
    assert list(map(told, troubled)) == [1.0, expected, 2.0] * times
    assert set(map(told, quiet)) == {3.0}
    assert len(quiet) > times
    assert not is_recycled
