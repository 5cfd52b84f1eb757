"""The compute thread: models run on it, one step at a time, and never on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

T = TypeVar("T")
_LOOKS: Final = 8  # in the time that a step may take


class Hung(Exception):
    """The step took longer than the deadline; its thread was given up."""


class Skipped(Exception):
    """The step did not run because an earlier step of its job hung."""


class Executor(Generic[T]):
    """Runs jobs, which are lists of steps, on one thread. Jobs take turns, a step each.

    A step that takes longer than `deadline_s` is given up: its job gets Hung, `on_hang` is called, and a
    new thread takes over the other jobs. The old thread cannot be stopped, so the process should be
    replaced. Time in which the process itself was stopped does not count.
    """

    def __init__(
        self, name: str, deadline_s: float | None = None, on_hang: Callable[[], None] | None = None
    ) -> None:
        self._name = name
        self._deadline_s = deadline_s
        self._on_hang = on_hang
        self._queue: SimpleQueue[_Job[T] | None] = SimpleQueue()
        self._worker: _Worker[T] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._watched: float | None = None  # when the step began that is looked after
        self._looked = self._left_s = 0.0
        self._outstanding = 0

    async def run(self, steps: Sequence[Callable[[], T]]) -> list[T | BaseException]:
        """Return the steps' results in order; in place of a result the exception of a step that raised."""
        if not steps:
            return []
        job = _Job(steps)
        self._queue.put(job)
        if self._worker is None:
            self._worker = _Worker(self._name, self._queue)
        if self._watch is None and self._deadline_s is not None:
            self._look_again(self._deadline_s)
        self._outstanding += 1
        try:
            return await job.done
        finally:
            self._outstanding -= 1

    def close(self) -> None:
        """End the thread after the step it is at. Jobs that wait are not run."""
        if self._watch is not None:
            self._watch.cancel()
        if self._worker is not None:
            self._worker.end()
            self._queue.put(None)  # wakes it
        self._watch = self._worker = None

    def _look_again(self, deadline_s: float) -> None:
        self._looked = time.monotonic()
        self._watch = asyncio.get_running_loop().call_later(deadline_s / _LOOKS, self._look, deadline_s)

    def _look(self, deadline_s: float) -> None:
        """Give the thread up if its step is late."""
        self._watch = None
        if not self._outstanding or self._worker is None:
            return  # the next job arms the watch again
        started, elapsed_s = self._worker.started, time.monotonic() - self._looked
        if started is None or started != self._watched:
            self._watched, self._left_s = started, deadline_s
            # It was not looked at from its beginning; what it was, it ran.
            elapsed_s = min(elapsed_s, time.monotonic() - started) if started is not None else 0.0
        self._left_s -= min(elapsed_s, 2 * deadline_s / _LOOKS)  # a look that comes later was held up itself
        if started is not None and self._left_s <= 0:
            self._give_up(started)
        self._look_again(deadline_s)

    def _give_up(self, started: float) -> None:
        job = self._worker.give_up(started) if self._worker is not None else None
        if job is None:
            return
        self._worker = _Worker(self._name, self._queue)
        job.give_up()
        if self._on_hang is not None:
            self._on_hang()


class _Job(Generic[T]):
    def __init__(self, steps: Sequence[Callable[[], T]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._steps = steps
        self._results: list[T | BaseException] = []
        self.done: asyncio.Future[list[T | BaseException]] = self._loop.create_future()

    @property
    def step(self) -> Callable[[], T]:
        """The next step."""
        return self._steps[len(self._results)]

    def advance(self, result: T | BaseException) -> bool:
        """Take the result of a step, on the worker's thread; return whether there is another."""
        self._results.append(result)
        if len(self._results) < len(self._steps):
            return True
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._finish, self._results)
        return False

    def give_up(self) -> None:
        """Finish with Hung for the step at work."""
        left = len(self._steps) - len(self._results) - 1
        self._finish([*self._results, Hung(), *[Skipped() for _ in range(left)]])

    def _finish(self, results: list[T | BaseException]) -> None:
        if not self.done.done():
            self.done.set_result(results)


class _Worker(Generic[T]):
    """A thread and what it is at."""

    def __init__(self, name: str, queue: SimpleQueue[_Job[T] | None]) -> None:
        self.started: float | None = None  # of the step at work, on the monotonic clock
        self._queue = queue
        self._job: _Job[T] | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()  # a step either finishes or is given up
        # A daemon: a model that hangs must not keep the process from exiting.
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def give_up(self, started: float) -> _Job[T] | None:
        """Return the job whose step began at `started`, no longer this thread's; None if that is over."""
        with self._lock:
            if self.started != started:
                return None
            self._ended.set()
            return self._job

    def end(self) -> None:
        """Let the thread end after its step."""
        with self._lock:
            self._ended.set()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            with self._lock:
                if self._ended.is_set():
                    return
                self._job, self.started = job, time.monotonic()
            result: T | BaseException
            try:
                result = job.step()
            except BaseException as error:  # noqa: BLE001 - not even SystemExit may end the thread
                result = error
            with self._lock:
                if self._ended.is_set():
                    return
                self._job, self.started = None, None
            if job.advance(result):
                self._queue.put(job)
