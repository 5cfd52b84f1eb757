"""The programs of examples/ in other languages, built and called as the page on clients says."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from scripts.bootstrap.step import digest
from scripts.kept import ROOT, kept
from tests.house.tree import files
from tests.readme.page import Block, Step, blocks, steps

PAGE, SECTION = "docs/clients.md", "Other languages"
TOOLS = {"go": ("go",), "java": ("javac", "mvn"), "node": ("node", "npm")}
BUILDS_WITHIN_S = 400
ASKS_WITHIN_S = 60
ASKS = 10
# protoc, as the page asks for it, out of the environment of the tests.
PROTOC = f'#!/bin/sh\nexec "{sys.executable}" -m grpc_tools.protoc "$@"\n'


class Said(NamedTuple):
    """What a program printed: an answer, or the code of its error."""

    status: int
    answer: dict[str, Any]
    code: str


class Program(NamedTuple):
    """A program that is built, and the answer of it that the page shows."""

    folder: Path
    command: list[str]
    shown: dict[str, Any]

    def ask(self, way: str, address: str, **options: str) -> Said:
        """Return what it says; where the model is full, as on a busy machine it may be, it asks again."""
        arguments = [f"--{name}={value}" for name, value in {way: address, **options}.items()]
        for _ in range(ASKS):
            if (said := self._ask(arguments)).code != "RESOURCE_EXHAUSTED":
                break
        return said

    def _ask(self, arguments: list[str]) -> Said:
        command = [*self.command, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=ASKS_WITHIN_S, check=False
        )
        if done.returncode == 0:
            (line,) = done.stdout.splitlines()
            return Said(0, json.loads(line), "")
        assert not done.stdout, done
        code, colon, sentence = done.stderr.partition(": ")
        assert (colon, bool(sentence.strip())) == (": ", True), done
        return Said(done.returncode, {}, code)


def built(language: str) -> Program:
    """Return the program in a language; builds it the first time for these sources."""
    missing = [tool for tool in TOOLS[language] if shutil.which(tool) is None]
    assert missing == [], f"examples/{language} is built with {missing}, which `make setup` installs"
    *builds, call = _steps(language)
    sources = [path for path in files() if _is_source(path.relative_to(ROOT), language)]

    def make(folder: Path) -> None:
        _copy(sources, folder)
        for build in builds:
            _run(build.command, folder)

    folder = kept(f"program-{language}", digest(sources, *(build.command for build in builds)), make)
    words = shlex.split(call.command)
    options = next(place for place, word in enumerate(words) if word.startswith("--"))
    (shown,) = call.shown
    return Program(folder / "examples" / language, words[:options], json.loads(shown))


def _steps(language: str) -> list[Step]:
    """Return the commands that the page gives for a language, without the one that enters its folder."""
    enter = f"cd examples/{language}"
    found = [steps(block) for block in blocks(PAGE, SECTION) if _begins(block, enter)]
    assert len(found) == 1, f"{PAGE} has not one block that begins with `{enter}`"
    return found[0][1:]


def _begins(block: Block, command: str) -> bool:
    return block.language == "console" and steps(block)[0].command == command


def _is_source(path: Path, language: str) -> bool:
    return path.is_relative_to(f"examples/{language}") or path.is_relative_to("proto/pointsman/pb/v1")


def _copy(sources: list[Path], folder: Path) -> None:
    for source in sources:
        target = folder / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    protoc = folder / "bin" / "protoc"
    protoc.parent.mkdir()
    protoc.write_text(PROTOC)
    protoc.chmod(0o755)


def _run(command: str, folder: Path) -> None:
    (place,) = folder.glob("examples/*")
    done = subprocess.run(
        command,
        shell=True,
        cwd=place,
        env={**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=BUILDS_WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
