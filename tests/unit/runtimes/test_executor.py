from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from pointsman.runtimes.executor import Executor, Hung, Skipped


def test_steps_run_in_order_off_the_event_loop() -> None:
    async def story() -> None:
        executor: Executor[tuple[int, str]] = Executor("compute")

        def step(n: int) -> Callable[[], tuple[int, str]]:
            return lambda: (n, threading.current_thread().name)

        assert await executor.run([step(n) for n in range(5)]) == [(n, "compute") for n in range(5)]
        assert await executor.run([]) == []
        executor.close()

    asyncio.run(story())


def test_jobs_take_turns() -> None:
    async def story() -> None:
        executor: Executor[None] = Executor("compute")
        order: list[str] = []
        gate = threading.Event()

        def step(name: str) -> Callable[[], None]:
            def run() -> None:
                gate.wait(5)
                order.append(name)

            return run

        jobs = [asyncio.create_task(executor.run([step(name)] * 3)) for name in "ab"]
        await asyncio.sleep(0)  # both jobs are queued
        gate.set()
        await asyncio.gather(*jobs)
        assert order == list("ababab")
        executor.close()

    asyncio.run(story())


def test_an_exception_takes_its_steps_place() -> None:
    async def story() -> None:
        executor: Executor[int] = Executor("compute")

        def exits() -> int:
            raise SystemExit(4)

        first, second = await executor.run([exits, lambda: 2])
        assert isinstance(first, SystemExit)
        assert second == 2
        executor.close()

    asyncio.run(story())


def test_a_hang_costs_its_own_job_only_and_is_reported() -> None:
    async def story() -> None:
        hangs: list[bool] = []
        never = threading.Event()
        executor: Executor[bool] = Executor("compute", 0.1, lambda: hangs.append(True))
        hung = asyncio.create_task(executor.run([lambda: True, never.wait, lambda: True]))
        other = asyncio.create_task(executor.run([lambda: False]))
        done, hangs_result, skipped = await hung
        assert done is True
        assert isinstance(hangs_result, Hung)
        assert isinstance(skipped, Skipped)
        assert await other == [False]
        assert hangs == [True]
        never.set()
        assert await executor.run([lambda: True]) == [True]
        executor.close()

    asyncio.run(story())


def test_many_short_steps_are_not_a_hang() -> None:
    async def story() -> None:
        hangs: list[bool] = []
        executor: Executor[bool] = Executor("compute", 0.1, lambda: hangs.append(True))
        pause = threading.Event()
        outcome = await executor.run([lambda: pause.wait(0.03)] * 10)
        assert outcome == [False] * 10
        assert hangs == []
        executor.close()

    asyncio.run(story())


def test_a_hang_after_an_idle_time_is_noticed() -> None:
    async def story() -> None:
        never = threading.Event()
        executor: Executor[bool] = Executor("compute", 0.05)
        for _ in range(3):
            [outcome] = await executor.run([never.wait])
            assert isinstance(outcome, Hung)
            assert await executor.run([lambda: True]) == [True]
        never.set()
        executor.close()

    asyncio.run(story())


def test_time_in_which_the_process_was_stopped_is_not_held_against_a_step() -> None:
    code = """
import asyncio, time
from pointsman.runtimes.executor import Executor

def step():
    for _ in range(10):
        time.sleep(0.05)

async def story():
    executor = Executor("compute", 0.8)
    print("there", flush=True)
    print(await executor.run([step]), flush=True)

asyncio.run(story())
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        time.sleep(1.2)  # the fault itself
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "[None]\n"
