"""The whole system on this machine, for programs and tests."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self, TypeVar

import msgspec

from pointsman.errors import StackError
from pointsman.localstack import home as homes
from pointsman.localstack import orders, record
from pointsman.localstack.assembly import Plan, assemble
from pointsman.localstack.home import Home
from pointsman.localstack.keeper import Keeper
from pointsman.localstack.record import Phase, StackRecord
from pointsman.localstack.supervision import Supervision
from pointsman.settings import Settings

T = TypeVar("T")


class Stack:
    """Broker, engine, Redis, router, pods and gateway as children of this process.

    Use it as a context manager, sync or async, or with `start` and `stop`. Children that die come back;
    all die with this process. stack.json in the home tells other processes.
    """

    def __init__(
        self,
        home: Path | str | None = None,
        *,
        parallelism: int = 1,
        pods: tuple[str, ...] = ("default",),
        settings: Settings | None = None,
        plan: Plan | None = None,
    ) -> None:
        self.home = Home(Path(home)) if home is not None else homes.find()
        self.plan = plan or Plan(parallelism=parallelism, pods=pods, settings=settings or Settings())
        self._record: StackRecord | None = None
        self._supervision: Supervision | None = None
        self._keeper: Keeper | None = None
        self._serving: Future[None] | None = None
        self._lock: IO[bytes] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Return when the stack answers. Raises StackError, with nothing left running, where it does not."""
        self.home.create()
        self._lock = self.home.lock()
        began = time.monotonic()
        try:
            orders.forget(self.home)
            self._supervision = Supervision(assemble(self.home, self.plan), self._save)
            self._keeper = Keeper(self.home, self._supervision)
            self._record = self._first_record()
            loop = self._run_loop()
            self._call(self._supervision.start())
            self._serving = asyncio.run_coroutine_threadsafe(orders.serve(self.home, self._keeper), loop)
        except StackError as error:
            self._finish("failed", str(error))
            raise
        except BaseException:
            self._finish("failed", "interrupted")
            raise
        self._record.seconds = time.monotonic() - began
        self._enter("ready")

    def stop(self) -> None:
        """Stop every child; a second call does nothing."""
        self._finish("stopped", "")

    @property
    def record(self) -> StackRecord:
        """What stack.json says. Raises StackError before the start."""
        if self._record is None:
            raise StackError("the stack was not started")
        return self._record

    @property
    def is_ready(self) -> bool:
        """Whether the start has succeeded."""
        return self._record is not None and self._record.phase == "ready"

    @property
    def kafka(self) -> str:
        """Bootstrap server."""
        return self.record.kafka

    @property
    def rest(self) -> str:
        """URL of Flink's REST interface."""
        return self.record.rest

    def restarts(self) -> int | None:
        """Return how often Flink restarted the job since its JVM began; None while the engine is down."""
        return self._alive().assembly.engine.job.restarts()

    def failure(self) -> str:
        """Return the cause of Flink's last restart; empty where there is none."""
        return self._alive().assembly.engine.job.failure()

    def kill(self, name: str, *, hold: bool = False) -> None:
        """SIGKILL a child: kafka, engine, redis, router, gateway or pod-POOL.

        It comes back at once; with `hold` not before `resume`.
        """
        self._in_loop(lambda: self._alive().kill(name, hold=hold))

    def resume(self, name: str, timeout_s: float = 120.0) -> None:
        """Bring back a child that is held down and wait until all is ready."""
        self._call(self._alive().resume(name), timeout_s)

    def wait_ready(self, timeout_s: float = 120.0) -> None:
        """Return when every child is ready. Raises StackError after `timeout_s`."""
        self._call(self._alive().until_ready(), timeout_s)

    def checkpoint(self, folder: Path | None = None, *, stop: bool = False) -> Path:
        """Take a savepoint below `folder`, by default the home's, and return its path.

        With `stop` the engine ends with it and stays down until `restore` or the next start, which go on
        from it. Raises StackError.
        """
        return self._call(self._keeping().checkpoint(folder, stop=stop))

    def restore(self, savepoint: Path | str, parallelism: int = 0) -> None:
        """Start the engine anew from a savepoint, with another parallelism if one is given.

        Raises StackError where it cannot be restored; then the job goes on as before.
        """
        self._call(self._keeping().restore(str(savepoint), parallelism))

    def rebuild(self, reread_ms: int = 0) -> None:
        """Forget the job's state and have the tables again from their snapshots on the routes topic.

        Requests go on at the consumer group's offsets, or further back at those of a moment in ms since the
        epoch. Raises StackError; then the job goes on as before.
        """
        self._call(self._keeping().rebuild(reread_ms))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *exception: object) -> None:
        await asyncio.to_thread(self.stop)

    def _keeping(self) -> Keeper:
        if self._keeper is None:
            raise StackError("the stack was not started")
        return self._keeper

    def _alive(self) -> Supervision:
        if self._supervision is None:
            raise StackError("the stack was not started")
        return self._supervision

    def _first_record(self) -> StackRecord:
        assembly = self._alive().assembly
        return StackRecord(
            supervisor=os.getpid(),
            supervisor_started=record.start_ticks(os.getpid()),
            kafka=assembly.broker.address,
            rest=assembly.engine.rest,
            redis=assembly.settings.redis,
            http=assembly.gateway.url if assembly.gateway else "",
            grpc=assembly.grpc,
            pools={pool: pod.port for pool, pod in assembly.pods.items()},
            inputs=assembly.settings.inputs,
            outputs=assembly.settings.outputs,
            trusted_stores=assembly.settings.trusted_stores,
            pods=self.plan.pods,
            parallelism=assembly.engine.parallelism,
            transactions=assembly.transactions,
        )

    def _save(self) -> None:
        if self._record is not None and self._supervision is not None:
            self._record.children = dict(self._supervision.records)
            self._record.parallelism = self._supervision.assembly.engine.parallelism
            with suppress(OSError):  # on a full disk readers see old states; the children must come back
                record.save(self.home, self._record)

    def _enter(self, phase: Phase, error: str = "") -> None:
        if self._record is not None:
            self._record.phase = phase
            self._record.error = error
            record.save(self.home, self._record)

    def _finish(self, phase: Phase, error: str) -> None:
        if self._lock is None:
            return
        if self._loop is not None and self._thread is not None and self._supervision is not None:
            if self._serving is not None:
                self._serving.cancel()
            self._call(self._supervision.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._enter(phase, error)
        self._lock.close()
        self._lock = self._loop = self._thread = None

    def _run_loop(self) -> asyncio.AbstractEventLoop:
        """Run a loop in a thread that lives as long as the children: the end of that thread is their end."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=_serve, args=(self._loop,), name="pointsman-stack", daemon=True
        )
        self._thread.start()
        return self._loop

    def _call(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        if self._loop is None:
            work.close()
            raise StackError("the stack was stopped")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            raise StackError(f"the stack is not ready after {timeout_s:g} s: {self._states()}") from None
        finally:
            future.cancel()

    def _in_loop(self, action: Callable[[], None]) -> None:
        async def act() -> None:
            action()

        self._call(act())

    def _states(self) -> str:
        children = msgspec.structs.asdict(self.record)["children"]
        return ", ".join(f"{name} {child.state}" for name, child in children.items())


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
