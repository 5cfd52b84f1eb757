"""The engine: one JVM with a mini-cluster that runs the job."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Final

import yaml

from pointsman.errors import StackError
from pointsman.localstack import checkpoints
from pointsman.localstack.child import Child, Command
from pointsman.localstack.class_archive import ClassArchive
from pointsman.localstack.enginefiles import EngineFiles
from pointsman.localstack.home import Home
from pointsman.localstack.job import Job
from pointsman.localstack.ports import HOST, Reservation

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
# C1 alone: with C2 the compilers take a third of two cores for the first minutes of a stack.
_JVM: Final = (
    "-Xms256m",
    "-Xmx768m",
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


class Engine(Child):
    """The job's process. It resumes from the newest checkpoint that can be restored, after any death."""

    ready_within_s = 180.0
    stops_within_s = 8.0

    def __init__(
        self, home: Home, files: EngineFiles, reservation: Reservation, module: str, parallelism: int = 1
    ) -> None:
        super().__init__("engine", home.logs / "engine.log", reservation)
        self.rest = f"http://{HOST}:{self.port}"
        self.job = Job(self.port)
        self._home = home
        self._files = files
        self._module = module
        self._parallelism = parallelism
        self._resume: Path | None = None
        self._classes = ClassArchive(files.engine_lib)

    async def start(self) -> None:
        """Start from the newest checkpoint; where that cannot be restored, from the one before.

        A checkpoint that failed is set aside once an older one works. Raises StackError when none does:
        state is never thrown away silently.
        """
        choices: list[Path | None] = [*checkpoints.newest_first(self._home.checkpoints)] or [None]
        rejected: list[Path] = []
        for self._resume in choices:
            try:
                await super().start()
            except StackError:
                await self.stop()
                if self._resume is None or not self._restore_failed():
                    raise
                rejected.append(self._resume)
            else:
                for checkpoint in rejected:
                    checkpoints.set_aside(checkpoint)
                if not self._classes.is_fresh():
                    await asyncio.to_thread(self._classes.write, self.pid)
                return
        raise StackError(
            f"none of {len(choices)} checkpoints can be restored; `pointsman down --purge` starts anew\n"
            f"{self.tail()}"
        )

    def command(self) -> Command:
        """Write configuration and topology, and return the job's command."""
        shutil.rmtree(self._home.tmp, ignore_errors=True)  # each start unpacks jars of 35 MB there
        self._home.tmp.mkdir(parents=True)
        (self._home.conf / "module.yaml").write_text(self._module)
        log4j = shutil.copy(self._files.conf / "log4j-console.properties", self._home.conf)
        self._write_conf()
        resume = ("-s", f"file://{self._resume}", "-restoreMode", "claim") if self._resume else ()
        argv = (
            "java", *_JVM, *self._classes.options(), *_OPENS, f"-Djava.io.tmpdir={self._home.tmp}",
            f"-Dlog4j.configurationFile={Path(log4j).as_uri()}", "-cp", f"{self._files.engine_lib}/*",
            "org.apache.flink.client.cli.CliFrontend", "run", "-t", "local", *resume,
            "-c", MAIN, str(self._files.job_jar),
        )  # fmt: skip
        return Command(argv, {"FLINK_CONF_DIR": str(self._home.conf)}, self._home.path)

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
            "state.checkpoints.dir": f"file://{self._home.checkpoints}",
            "io.tmp.dirs": str(self._home.tmp),
            # Not on the classpath: a folder there would keep the JVM from using the archive of its classes.
            "statefun.remote.module-name": (self._home.conf / "module.yaml").as_uri(),
            "rest.address": HOST,
            "rest.bind-address": HOST,
            "rest.port": self.port,
            "rest.bind-port": self.port,
            "parallelism.default": self._parallelism,
            "taskmanager.numberOfTaskSlots": self._parallelism,
        }
        lines = (f"{key}: {_text(value)}\n" for key, value in conf.items())
        (self._home.conf / "flink-conf.yaml").write_text("".join(lines))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
