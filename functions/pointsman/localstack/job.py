"""What Flink's REST interface says about the job."""

from __future__ import annotations

from typing import Any

from pointsman.localstack import rest


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

    def _overview(self) -> dict[str, Any] | None:
        jobs = (rest.get_json(self._port, "/jobs/overview") or {}).get("jobs", [])
        return jobs[0] if jobs else None
