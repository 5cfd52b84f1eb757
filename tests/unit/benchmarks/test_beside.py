from __future__ import annotations

import asyncio
import itertools

import pytest

from benchmarks.beside import beside, sampled


def test_work_ends_with_its_block() -> None:
    async def story() -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        async with beside(work()):
            await begun.wait()
        assert ended.is_set()

    asyncio.run(story())


def test_work_that_failed_meanwhile_is_told() -> None:
    async def story() -> None:
        begun = asyncio.Event()

        async def work() -> None:
            begun.set()
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            async with beside(work()):
                await begun.wait()

    asyncio.run(story())


def test_samples_are_taken_until_the_end_of_the_block() -> None:
    async def story() -> list[int]:
        taken = itertools.count()
        async with sampled(lambda: next(taken), 0.001) as samples:
            while len(samples) < 3:
                await asyncio.sleep(0)
        return samples

    samples = asyncio.run(story())
    assert samples == list(range(len(samples)))
