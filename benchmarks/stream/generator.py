"""Builds and runs the load generator of `benchmarks/load`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from pointsman.errors import StackError

SOURCE: Final = Path(__file__).parent.parent / "load" / "load.c"
# Time beyond warm-up and measurement that a run may take: connecting, draining, a stall.
PATIENCE_S: Final = 60.0


class Measured(msgspec.Struct, frozen=True):
    """One run: rates in requests per second over `seconds`, latencies in milliseconds.

    `sent` and `answered` count the warm-up too; `lost` had no answer ten seconds after the last request.
    """

    inflight: int
    rps: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    seconds: float
    measured: int
    cpu_seconds: float
    sent: int
    answered: int
    errors: int
    lost: int
    repeated: int
    versions: dict[str, int]


class Traffic(msgspec.Struct, frozen=True):
    """What is sent where. `models` are the record keys in turn; `body` holds encoded payload fields.

    `committed` reads answers only when their transaction is committed.
    """

    source: str
    sink: str
    models: tuple[str, ...] = ("r",)
    body: Path | None = None
    reply_key: str = "bench"
    committed: bool = False

    def arguments(self) -> list[str]:
        """Return the generator's arguments for this traffic."""
        form = [] if self.body is None else ["--form", "pointsman", "--body", str(self.body)]
        models = ["--models", ",".join(self.models)]
        # The plain program answers with the record's own key.
        reply_key = self.models[0] if self.body is None else self.reply_key
        isolation = ["--isolation", "committed" if self.committed else "uncommitted"]
        route = ["--in", self.source, "--out", self.sink, *models, "--reply-key", reply_key]
        return [*route, *isolation, *form]


class Span(msgspec.Struct, frozen=True):
    """What became of the requests that were due in a span of an open-loop run; latencies from when due.

    `late` were answered after the deadline, `refused` were told to come again, `failed` got another error,
    `unsent` are those for which the generator had no place; what is left has no answer.
    """

    rate: float
    seconds: float
    due: int
    unsent: int
    answered: int
    late: int
    refused: int
    failed: int
    p50_ms: float
    p99_ms: float
    refusal_p50_ms: float
    refusal_p99_ms: float
    refusal_max_ms: float


class Opened(msgspec.Struct, frozen=True):
    """An open-loop run: a span for each phase and for each second."""

    phases: list[Span]
    seconds: list[Span]
    lost: int
    repeated: int


class Generator:
    """The compiled generator, aimed at one broker."""

    def __init__(self, kafka: str, folder: Path) -> None:
        self.kafka = kafka
        self.binary = build(folder)

    def start(
        self, traffic: Traffic, inflight: int, warmup: float, seconds: float
    ) -> subprocess.Popen[bytes]:
        """Start a run; hand the process to `finish`."""
        times = ["--inflight", str(inflight), "--warmup", str(warmup), "--seconds", str(seconds)]
        command = [str(self.binary), "--brokers", self.kafka, *traffic.arguments(), *times]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, traffic: Traffic, inflight: int, warmup: float, seconds: float) -> Measured:
        """Run to the end. Raises StackError where it fails or where nothing is answered."""
        return finish(self.start(traffic, inflight, warmup, seconds), warmup + seconds + PATIENCE_S)

    def run_open(self, traffic: Traffic, phases: Sequence[tuple[float, int]], deadline: float) -> Opened:
        """Send at rates (per second, for so many seconds) whatever comes back. Raises StackError.

        An answer is late after `deadline` seconds.
        """
        return self._open(traffic, phases, "--deadline", str(deadline))

    def send(self, traffic: Traffic, rate: float, seconds: int) -> None:
        """Send at a rate per second and read no answers. Raises StackError where not all was sent."""
        opened = self._open(traffic, [(rate, seconds)], "--answers", "unread")
        if unsent := opened.phases[0].unsent:
            raise StackError(f"the load generator left {unsent} requests unsent")

    def _open(self, traffic: Traffic, phases: Sequence[tuple[float, int]], *options: str) -> Opened:
        text = ",".join(f"{rate:.1f}:{seconds}" for rate, seconds in phases)
        command = [str(self.binary), "--brokers", self.kafka, *traffic.arguments(), "--phases", text]
        process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        timeout = sum(seconds for _, seconds in phases) + PATIENCE_S
        return msgspec.json.decode(_output(process, timeout), type=Opened)


def finish(process: subprocess.Popen[bytes], timeout: float) -> Measured:
    """Wait for a run and return what it measured. Raises StackError where it failed."""
    return msgspec.json.decode(_output(process, timeout), type=Measured)


def _output(process: subprocess.Popen[bytes], timeout: float) -> bytes:
    try:
        out, complaint = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise StackError(f"the load generator did not end within {timeout:.0f} s") from error
    if process.returncode != 0:
        raise StackError(f"the load generator failed: {complaint.decode(errors='replace').strip()}")
    return out


def build(folder: Path) -> Path:
    """Compile the generator into `folder` unless it is newer than its source."""
    binary = folder / "load"
    sources: Sequence[Path] = [*SOURCE.parent.glob("*.[ch]")]
    if binary.exists() and binary.stat().st_mtime > max(path.stat().st_mtime for path in sources):
        return binary
    if shutil.which("gcc") is None:
        raise StackError("the load generator needs a C compiler: apt-get install gcc librdkafka-dev")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-o", str(binary), str(SOURCE), "-lrdkafka"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"gcc: {done.stderr.strip()[-800:]}\nIs librdkafka-dev installed?")
    return binary
