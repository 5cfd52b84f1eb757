"""A pool that joins the running job with a version of its own, and leaves again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.chaos import load
from benchmarks.chaos.awaited import awaited
from benchmarks.chaos.scene import Scene
from pointsman.client.catalogue import read_catalogue

GUEST: Final = "3"
POOL: Final = "guest"
MODEL: Final = "python"
LEAVES_WITHIN_S: Final = 30.0


@contextmanager
def joined(scene: Scene) -> Iterator[None]:
    """Start `pointsman pod` for a new pool and give its version a third of the traffic; then go back."""
    command = [sys.executable, "-c", "from pointsman.cli.main import app; app()", "pod", "--pool", POOL]
    environment = {**os.environ, "POINTSMAN_HOME": str(scene.stack.home.path)}
    with (scene.stack.home.logs / "pod-guest.log").open("ab") as log:
        pod = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        scene.apply(_spec(GUEST))
        yield
        scene.apply(_spec())
        awaited(lambda: _is_retired(scene.stack.kafka) or None, "the guest's version was not retired")
    finally:
        pod.terminate()
        pod.wait(LEAVES_WITHIN_S)


def _is_retired(kafka: str) -> bool:
    table = read_catalogue(kafka).get(MODEL)
    return table is not None and GUEST not in table.versions


def _spec(*guests: str) -> dict[str, Any]:
    spec = load.python_spec(*load.PERMANENT, *guests)
    for guest in guests:
        spec["versions"][guest]["pool"] = POOL
    return spec
