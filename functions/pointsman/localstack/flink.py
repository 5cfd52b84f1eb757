"""The engine: one JVM with a mini-cluster that runs the job."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml

from pointsman.errors import StackError
from pointsman.heap import FEW_HEAPS
from pointsman.localstack import checkpoints, module, offsets, origin, savepoint
from pointsman.localstack.child import Child, Command
from pointsman.localstack.class_archive import ClassArchive
from pointsman.localstack.enginefiles import EngineFiles
from pointsman.localstack.home import Home
from pointsman.localstack.job import Job
from pointsman.localstack.origin import Origin
from pointsman.localstack.ports import HOST, Reservation
from pointsman.localstack.rebuild import Rebuild

MAIN: Final = "org.apache.flink.statefun.flink.core.StatefulFunctionsJob"
# What Flink 1.16 reaches into on a modular Java.
_OPENED: Final = (
    "java.lang", "java.util", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect",
    "java.text", "java.time", "java.util.concurrent", "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
)  # fmt: skip
_OPENS: Final = (
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
)
# C1 alone: with C2 the compilers take a third of two cores for the first minutes of a stack. What the heap
# begins with is touched at once and has its young part fixed, so the process is as large in its first minute
# as after days; it grows only where that would not do, as G1 would else do to spend less time (GCTimeRatio).
# What outlives the young part is some 40 MiB, collected at 25 % of the heap.
_JVM: Final = (
    "-Xms320m",
    "-Xmx768m",
    "-Xmn160m",
    "-XX:+AlwaysPreTouch",
    "-XX:+UseG1GC",
    "-XX:GCTimeRatio=1",
    "-XX:InitiatingHeapOccupancyPercent=25",
    "-XX:-G1UseAdaptiveIHOP",
    "-XX:MaxDirectMemorySize=512m",
    "-Xshare:auto",
    "-XX:TieredStopAtLevel=1",
)
# What the log says when it was the checkpoint that kept the job from starting: its metadata, or the
# state it points at.
_RESTORE_FAILED: Final = (
    "CheckpointCoordinator.restoreSavepoint",
    "Could not restore",
    "BackendRestorerProcedure",
)
# Flink's word on why.
_ROLLBACK: Final = re.compile(r"(Failed to rollback to|Cannot map) checkpoint/savepoint[^|\n]*")


class Engine(Child):
    """The job's process. It resumes from the newest checkpoint that can be restored, after any death.

    Where there is none and none is named, the tables are rebuilt from their snapshots on `kafka`; a job of
    another module has no `kafka` and begins with nothing. `inputs` are the topics of requests.
    """

    ready_within_s = 180.0
    stops_within_s = 8.0

    def __init__(
        self,
        home: Home,
        files: EngineFiles,
        reservation: Reservation,
        module_text: str,
        parallelism: int = 1,
        kafka: str = "",
        inputs: Sequence[str] = (),
    ) -> None:
        super().__init__("engine", home.logs / "engine.log", reservation)
        self.rest = f"http://{HOST}:{self.port}"
        self.job = Job(self.port)
        self._home = home
        self._files = files
        self.parallelism = parallelism
        self._module = module_text
        self._kafka = kafka
        self._inputs = inputs
        self._topology = module_text
        self._checkpoints = home.checkpoints
        self._resume: Path | None = None
        self._classes = ClassArchive(files.engine_lib)

    async def start(self) -> None:
        """Start from the newest checkpoint; where that cannot be restored, from the one before.

        A checkpoint that failed is set aside once an older one works. Raises StackError when none does:
        state is never thrown away silently.
        """
        choices: list[Path | None] = [*origin.choices(self._home)] or [await self._rebuilt()]
        if choices[0] is not None:
            await asyncio.to_thread(savepoint.check, choices[0], self._kafka)
        rejected: list[Path] = []
        for choice in choices:
            try:
                await self._start_from(choice, self._module, self._home.checkpoints)
            except StackError:
                await self.stop()
                if choice is None or not self._restore_failed():
                    raise
                rejected.append(choice)
            else:
                for checkpoint in filter(self._is_ours, rejected):
                    checkpoints.set_aside(checkpoint)
                if not self._classes.is_fresh():
                    await asyncio.to_thread(self._classes.write, self.pid)
                return
        said = _ROLLBACK.search(self.output())
        raise StackError(
            f"{choices[0]} cannot be restored, nor can {len(choices) - 1} older ones: "
            f"{said.group() if said else 'its state is unreadable'}\n"
            "`pointsman restore` starts from a savepoint, `pointsman rebuild` from the tables' snapshots\n"
            f"{self.tail()}"
        )

    async def take_savepoint(self, folder: Path, *, cancel: bool, within_s: float) -> Path:
        """Take a savepoint below `folder`; with `cancel` the job ends with it. Raises StackError."""
        return await savepoint.take(
            self.job,
            self._kafka,
            folder,
            cancel=cancel,
            within_s=within_s,
            has_ended=lambda: not self.alive,
        )

    async def _start_from(self, resume: Path | None, topology: str, checkpoints_in: Path) -> None:
        self._resume, self._topology, self._checkpoints = resume, topology, checkpoints_in
        await super().start()

    async def _rebuilt(self) -> Path | None:
        """Let a job that reads nothing else take in the snapshots; return the savepoint of what it then has.

        Only so is nothing else read first: a command on an empty table would be another one. Its checkpoints
        lie where no start looks for any. None where there are no tables: the job is new.
        """
        if not self._kafka:
            return None
        reread_ms = origin.load(self._home).reread_ms
        if reread_ms:
            await asyncio.to_thread(offsets.set_back, self._kafka, self._inputs, reread_ms)
        with await asyncio.to_thread(Rebuild, self._kafka) as rebuild:
            if not rebuild.is_needed:
                return None
            try:
                topology = module.snapshots_only(self._module)
                await self._start_from(None, topology, self._home.tmp / "checkpoints")
                await asyncio.to_thread(rebuild.wait)
                path = await self.take_savepoint(
                    self._home.savepoints, cancel=True, within_s=self.ready_within_s
                )
            finally:
                await self.stop()
        origin.save(self._home, Origin(str(path), time.time_ns()))
        return path

    def command(self) -> Command:
        """Write configuration and topology, and return the job's command."""
        shutil.rmtree(self._home.tmp, ignore_errors=True)  # each start unpacks jars of 35 MB there
        self._home.tmp.mkdir(parents=True)
        (self._home.conf / "module.yaml").write_text(self._topology)
        log4j = shutil.copy(self._files.conf / "log4j-console.properties", self._home.conf)
        self._write_conf()
        resume: tuple[str, ...] = ()
        if self._resume is not None:
            mode = "claim" if self._is_ours(self._resume) else "no_claim"
            resume = ("-s", f"file://{self._resume}", "-restoreMode", mode)
        argv = (
            "java", *_JVM, *self._classes.options(), *_OPENS, f"-Djava.io.tmpdir={self._home.tmp}",
            f"-Dlog4j.configurationFile={Path(log4j).as_uri()}", "-cp", f"{self._files.engine_lib}/*",
            "org.apache.flink.client.cli.CliFrontend", "run", "-t", "local", *resume,
            "-c", MAIN, str(self._files.job_jar),
        )  # fmt: skip
        return Command(argv, {"FLINK_CONF_DIR": str(self._home.conf), **FEW_HEAPS}, self._home.path)

    def _is_ours(self, path: Path) -> bool:
        """Whether the home's jobs wrote it and may delete it; a savepoint is somebody's to keep."""
        return path.is_relative_to(self._home.checkpoints)

    def is_ready(self) -> bool:
        """Whether every task of the job runs."""
        return self.job.is_running()

    def is_hopeless(self) -> bool:
        """Whether the job fails over and over because its checkpoint's state cannot be read."""
        return self._resume is not None and (self.job.restarts() or 0) > 0 and self._restore_failed()

    def _restore_failed(self) -> bool:
        output = self.output()
        return any(mark in output for mark in _RESTORE_FAILED)

    def _write_conf(self) -> None:
        conf = yaml.safe_load((self._files.conf / "flink-conf.yaml").read_text())
        conf |= {
            "state.checkpoints.dir": f"file://{self._checkpoints}",
            "io.tmp.dirs": str(self._home.tmp),
            # Not on the classpath: a folder there would keep the JVM from using the archive of its classes.
            "statefun.remote.module-name": (self._home.conf / "module.yaml").as_uri(),
            "rest.address": HOST,
            "rest.bind-address": HOST,
            "rest.port": self.port,
            "rest.bind-port": self.port,
            "parallelism.default": self.parallelism,
            "taskmanager.numberOfTaskSlots": self.parallelism,
        }
        lines = (f"{key}: {_text(value)}\n" for key, value in conf.items())
        (self._home.conf / "flink-conf.yaml").write_text("".join(lines))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
