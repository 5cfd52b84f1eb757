"""A terminal in which the commands of a page are typed, and a second one for those that stay."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.readme.page import Block, steps, unseen

STAYING = "pointsman pod "
# A running stack is what the test begins with, and what it ends.
STACK = ("pointsman up", "pointsman down", "make ")
USUAL_GATEWAY = "localhost:8080"
WITHIN_S = 90.0


class Terminal:
    """Types blocks in order; folder and files last from block to block. The gateway is at `url`."""

    def __init__(self, home: Path, folder: Path, url: str) -> None:
        self._folder = folder
        self._gateway = url.removeprefix("http://")
        self._logs = home / "logs"
        self._staying: list[subprocess.Popen[bytes]] = []
        programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        self._environment = {
            **os.environ, "PATH": programs, "POINTSMAN_HOME": str(home), "COLUMNS": "140",
            "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": "-p no:cacheprovider",
        }  # fmt: skip

    def take(self, block: Block, shown_after: list[str]) -> None:
        """Write the file that a block is, or type its commands and compare what they print."""
        if block.file:
            (self._folder / block.file).write_text(block.body)
        elif block.language == "console":
            output = ""
            for command, shown in steps(block):
                output += self._type(command.partition("  #")[0].strip().removesuffix("&").strip(), shown)
            missed = unseen(shown_after, output)
            assert not missed, f"not printed: {missed}\nprinted:\n{output}"

    def close(self) -> None:
        """Leave what stays with Ctrl-C's gentler sister, and wait for it."""
        for process in self._staying:
            process.terminate()
        for process in self._staying:
            process.wait(30)

    def _type(self, command: str, shown: list[str]) -> str:
        if command.startswith(STACK):
            return ""
        command = command.replace(USUAL_GATEWAY, self._gateway)
        if command.startswith("cd "):
            self._folder = (self._folder / command.removeprefix("cd ").strip()).resolve(strict=True)
            return ""
        output = self._stay(command, shown) if command.startswith(STAYING) else self._run(command)
        missed = unseen(shown, output)
        assert not missed, f"{command} did not print {missed}, but:\n{output}"
        return output

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command], cwd=self._folder, env=self._environment, capture_output=True, text=True,
            timeout=WITHIN_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    def _stay(self, command: str, shown: list[str]) -> str:
        log = self._logs / f"staying-{len(self._staying)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self._folder,
                env=self._environment,
                stdout=out,
                stderr=out,
            )
        self._staying.append(process)
        limit = time.monotonic() + WITHIN_S
        while "on port" not in log.read_text() or unseen(shown, log.read_text()):
            assert process.poll() is None, f"{command} ended:\n{log.read_text()}"
            assert time.monotonic() < limit, f"{command} said:\n{log.read_text()}"
            time.sleep(0.05)
        return log.read_text()
