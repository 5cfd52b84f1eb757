"""What Flink's REST interface says about the job."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pointsman.errors import StackError
from pointsman.localstack import rest


class Asked(NamedTuple):
    """A savepoint that was asked for: where Flink tells of it, and how the name of its folder begins."""

    path: str
    prefix: str


class Job:
    """The one job of the engine on `port`. Every answer is None or its like while nobody answers."""

    def __init__(self, port: int) -> None:
        self._port = port

    def is_running(self) -> bool:
        """Whether the job and each of its tasks run."""
        job = self._overview()
        if job is None or job["state"] != "RUNNING":
            return False
        tasks = job["tasks"]
        return bool(tasks["total"]) and tasks["running"] == tasks["total"]

    def restarts(self) -> int | None:
        """Return how often the job was restarted since its process began."""
        job = self._overview()
        if job is None:
            return None
        path = f"/jobs/{job['jid']}"
        vertices = (rest.get_json(self._port, path) or {}).get("vertices", [])
        details = [rest.get_json(self._port, f"{path}/vertices/{vertex['id']}") for vertex in vertices]
        # Flink's own counter is refreshed every ten seconds; the attempt numbers are exact at once.
        return max(
            (int(task["attempt"]) for vertex in details if vertex for task in vertex["subtasks"]),
            default=None,
        )

    def failure(self) -> str:
        """Return the cause of the last restart; empty where there is none."""
        job = self._overview()
        if job is None:
            return ""
        answer = rest.get_json(self._port, f"/jobs/{job['jid']}/exceptions") or {}
        return str(answer.get("root-exception") or "")

    def checkpoints(self) -> int:
        """Return how many checkpoints this process has completed."""
        job = self._overview()
        if job is None:
            return 0
        answer = rest.get_json(self._port, f"/jobs/{job['jid']}/checkpoints") or {}
        return int(answer.get("counts", {}).get("completed", 0))

    def begin_savepoint(self, folder: Path, *, cancel: bool) -> Asked:
        """Ask for a savepoint below `folder`; return what `savepoint` is to be asked. Raises StackError.

        With `cancel` the job ends with it. It is not "stopped with a savepoint", at which the sources that
        StateFun has fail under load (Handover$ClosedException). And a cancelled job leaves its checkpoints.
        """
        job = self._overview()
        if job is None or job["state"] != "RUNNING":
            raise StackError(f"the job does not run ({job['state'] if job else 'no answer from Flink'})")
        path = f"/jobs/{job['jid']}/savepoints"
        order = {"target-directory": f"file://{folder}", "cancel-job": cancel, "formatType": "CANONICAL"}
        status, body = rest.post_json(self._port, path, order)
        try:
            asked = msgspec.json.decode(body)["request-id"]
        except (msgspec.DecodeError, KeyError, TypeError):
            raise StackError(
                f"Flink takes no savepoint: {status} {body[:500].decode(errors='replace')}"
            ) from None
        return Asked(f"{path}/{asked}", f"savepoint-{job['jid'][:6]}-")

    def savepoint(self, asked: Asked) -> Path | None:
        """Return where the savepoint is; None while it is not done. Raises StackError where it failed."""
        answer = rest.get_json(self._port, asked.path) or {}
        if answer.get("status", {}).get("id") != "COMPLETED":
            return None
        operation = answer.get("operation") or {}
        if "location" in operation:
            # Flink's paths are URIs in which nothing is escaped: a blank is a blank.
            return Path("/", operation["location"].removeprefix("file:").lstrip("/"))
        trace = str(operation.get("failure-cause", {}).get("stack-trace", "no cause given"))
        causes = [line for line in trace.splitlines() if not line.startswith(("\t", " "))]
        raise StackError(f"the savepoint failed: {causes[-1].removeprefix('Caused by: ')}")

    def _overview(self) -> dict[str, Any] | None:
        jobs = (rest.get_json(self._port, "/jobs/overview") or {}).get("jobs", [])
        return jobs[0] if jobs else None
