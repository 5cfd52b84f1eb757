"""The jars of engine and broker, by Maven."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.bootstrap.step import StepError, digest, done, finish, say, undo

ENGINE = Path("engine")
RESULTS = (ENGINE / "target/engine/lib", ENGINE / "target/broker/lib")
LOG = Path(".cache/maven.log")
STAMP = "jars"
FULL_MB = 310  # measured from an empty local repository, plugins and test libraries included

DOWNLOADED = re.compile(r"^(?:\[INFO\] )?Downloaded from \S+: \S+ \(([\d.]+) (B|kB|MB)")
BYTES = {"B": 1, "kB": 1_000, "MB": 1_000_000}


def ensure() -> None:
    """Fill engine/target unless that was done for these very sources. Raises StepError with Maven's words."""
    wanted = digest(_sources())
    if all(folder.is_dir() for folder in RESULTS) and done(STAMP, wanted):
        return
    undo(STAMP)
    for folder in RESULTS:  # Maven would keep a jar that an interruption left half copied
        shutil.rmtree(folder, ignore_errors=True)
    say(f"Jars: at most about {FULL_MB} MB to fetch, less what Maven's local repository has")
    _package()
    finish(STAMP, wanted)


def _sources() -> list[Path]:
    return [
        path
        for path in ENGINE.rglob("*")
        if path.is_file() and "target" not in path.parts and (path.name == "pom.xml" or "main" in path.parts)
    ]


def _package() -> None:
    command = ["mvn", "-B", "-f", str(ENGINE / "pom.xml"), "package", "-DskipTests"]
    with (
        LOG.open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as maven,
    ):
        assert maven.stdout is not None
        fetched = 0.0
        for line in maven.stdout:
            log.write(line)
            fetched = _progress(line, fetched)
    if sys.stdout.isatty():
        print()
    if maven.returncode != 0:
        tail = "".join(LOG.read_text().splitlines(keepends=True)[-30:])
        shown = " ".join(command)
        raise StepError(f"{tail}\n{shown}\nfailed ({LOG}). What is fetched is kept: make again.")


def _progress(line: str, fetched: float) -> float:
    found = DOWNLOADED.match(line)
    if not found:
        return fetched
    total = fetched + float(found[1]) * BYTES[found[2]]
    if sys.stdout.isatty():
        print(f"\rJars: {total / 1e6:.0f} MB", end="", flush=True)
    elif total // 20e6 > fetched // 20e6:
        say(f"Jars: {total / 1e6:.0f} MB")
    return total
