"""All turns of a run. A system that cannot be had, or fails, is a row with the reason; the others go on."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from benchmarks.doors import ghz, report
from benchmarks.doors.plan import Plan
from benchmarks.doors.report import GRPC, Absence
from benchmarks.doors.system import Site, System, Workload
from benchmarks.doors.visit import Unready, Visit, visit
from benchmarks.stream import machine
from benchmarks.stream.bench import stamp
from pointsman.errors import PointsmanError
from scripts.environments import Unavailable

FAILURES: Final = (
    Unready, Unavailable, PointsmanError, OSError, subprocess.SubprocessError, msgspec.MsgspecError
)  # fmt: skip


class Run:
    """What has been measured so far, and what could not be. Files lie in `folder`."""

    def __init__(self, plan: Plan, folder: Path, console: Console) -> None:
        self._plan, self._folder, self._console = plan, folder, console
        self._artifact, self._expected = written(folder)
        self._visits: dict[tuple[str, str], list[Visit]] = {}
        self._absences: list[Absence] = []

    def measure(self, systems: Sequence[System]) -> report.Result:
        """Let all take their turns."""
        present = [system for system in systems if self._prepared(system)]
        plan = self._plan if self._generator(present) else self._plan.without_calls()
        about, most = plan.minutes(len(present))
        self._console.print(f"{len(present)} systems: about {about:.0f} minutes, {most:.0f} at most")
        given_up: set[tuple[str, str]] = set()
        for workload, system in plan.visits(present):
            if (workload.name, system.name) in given_up:
                continue
            if not self._turn(plan, workload, system):
                given_up.add((workload.name, system.name))
        return report.Result(
            report.rows(self._visits), self._absences, plan.rounds, plan.seconds, machine.facts(), stamp()
        )

    def _prepared(self, system: System) -> bool:
        self._console.print(f"{system.name}: environment")
        try:
            system.prepare()
        except FAILURES as failure:
            self._absences += [self._absence(one.name, system, failure) for one in self._plan.workloads]
            return False
        return True

    def _generator(self, systems: Sequence[System]) -> bool:
        """Return whether calls over gRPC can be made, or nobody is to make any."""
        if not any(one.calls for one in self._plan.workloads) or not any(one.has_grpc for one in systems):
            return True
        try:
            ghz.program()
        except FAILURES as failure:
            self._absences += [
                Absence(one.name + GRPC, "all", str(failure)) for one in self._plan.workloads if one.calls
            ]
            return False
        return True

    def _turn(self, plan: Plan, workload: Workload, system: System) -> bool:
        # Short: the names of sockets that some servers put there have a bound.
        with tempfile.TemporaryDirectory(prefix="", dir=self._folder, ignore_cleanup_errors=True) as folder:
            site = Site(Path(folder), self._artifact, workload)
            try:
                found = visit(system, site, plan, self._expected)
            except FAILURES as failure:
                self._absences.append(self._absence(workload.name, system, failure))
                return False
        self._visits.setdefault((workload.name, system.name), []).append(found)
        self._console.print(f"{system.name}, {workload.name}: {told(found)}")
        return True

    def _absence(self, case: str, system: System, failure: Exception) -> Absence:
        reason = " ".join((str(failure) or type(failure).__name__).split())[:200].replace("|", "/")
        self._console.print(f"{system.name}, {case}: {reason}", markup=False)
        return Absence(case, system.name, reason)


def written(folder: Path) -> tuple[Path, list[float]]:
    """Write the weights that all serve, in a process of its own; return their path and the right answer."""
    command = (sys.executable, "-m", "benchmarks.doors.weights", str(folder))
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    artifact, expected = done.stdout.splitlines()
    return Path(artifact), msgspec.json.decode(expected, type=list[float])


def told(found: Visit) -> str:
    """Return a turn as a line."""
    rates = [f"{n}: {run.rate:,.0f}/s" for n, run in found.over_http.items()]
    rates += [f"{n} over gRPC: {run.rate:,.0f}/s" for n, run in found.over_grpc.items()]
    return f"{', '.join(rates)}; {found.memory_mib:,.0f} MiB, ready in {found.ready_s:.0f} s"
