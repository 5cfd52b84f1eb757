"""wrk, the load generator of the HTTP doors: closed loop, so many connections, one request on each.

Its `Run` is also what comes of other generators.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

SCRIPT: Final = Path(__file__).with_name("post.lua")
THREADS: Final = 2
PATIENCE_S: Final = 30


class Run(msgspec.Struct, frozen=True):
    """What came of a run. `refused` had another status than 2xx or 3xx, `broken` no answer at all."""

    answered: int
    took_us: float
    p50_us: float
    p99_us: float
    refused: int
    broken: int

    @property
    def rate(self) -> float:
        """Answers of all kinds a second."""
        return self.answered / (self.took_us / 1e6)


def run(url: str, body: Path, paths: Sequence[str], connections: int, seconds: float) -> Run:
    """Ask these paths in turn for so many seconds."""
    command = (
        "wrk", f"-t{min(THREADS, connections)}", f"-c{connections}", f"-d{seconds:g}s",
        "--timeout", f"{PATIENCE_S}s", "-s", str(SCRIPT), url, "--", str(body), *paths,
    )  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=seconds + 2 * PATIENCE_S
    )
    return parse(done.stdout)


def parse(said: str) -> Run:
    """Return what the script's line says. Raises MsgspecError where there is none."""
    line = next((line for line in said.splitlines() if line.startswith("{")), "")
    return msgspec.json.decode(line, type=Run)
