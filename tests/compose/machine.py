"""Runs the services of a composition as processes, in the order and on the conditions it states."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.compose.composition import Composition, Service
from tests.compose.images import Image

READY_WITHIN_S = 120
POLL_S = 0.25

# A container's host name is its own, and its address is what that name means.
_NAMED = ("unshare", "--uts", "bash", "-c", 'hostname "$0" && exec "$@"')


class Machine:
    """The services' processes. They end with the namespace that they live in."""

    def __init__(self, composition: Composition, images: dict[str, Image], logs: Path) -> None:
        self._services = composition.services
        self._images = images
        self._logs = logs
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def up(self) -> None:
        """Start every service when what it depends on has come so far; return when all are healthy."""
        while waiting := [name for name in self._services if name not in self._processes]:
            startable = [name for name in waiting if self._dependencies_started(name)]
            for name in startable:
                self._await_dependencies(name)
                self.start(name)
        for name in self._services:
            self.await_healthy(name)

    def start(self, name: str) -> None:
        """Start the service's process."""
        service, image = self._services[name], self._images[name]
        entrypoint = service.entrypoint if service.entrypoint is not None else image.entrypoint
        command = service.command if service.command is not None else image.command
        with (self._logs / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*_NAMED, name, *entrypoint, *command],
                env=self._environment(name),
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """End the service's process by SIGKILL, as a machine that loses its power does."""
        self._processes[name].kill()
        self._processes[name].wait()

    def await_healthy(self, name: str) -> None:
        """Wait until the service's own health check says yes, or, if it has none, until it ended well."""
        service = self._services[name]
        if service.healthcheck is None:
            status = self._processes[name].wait(READY_WITHIN_S)
            assert status == 0, f"{name} ended with {status}: {self._tail(name)}"
        else:
            self.wait(name, lambda: self._is_healthy(name, service))

    def _dependencies_started(self, name: str) -> bool:
        return set(self._services[name].depends_on) <= set(self._processes)

    def _await_dependencies(self, name: str) -> None:
        for other, condition in self._services[name].depends_on.items():
            if condition.condition != "service_started":
                self.await_healthy(other)

    def _is_healthy(self, name: str, service: Service) -> bool:
        assert service.healthcheck is not None
        test = service.healthcheck.test[1:]
        environment = self._environment(name)
        return subprocess.run(test, env=environment, capture_output=True, check=False).returncode == 0

    def wait(self, name: str, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; fail with the log if the service ends or it takes long."""
        limit = time.monotonic() + READY_WITHIN_S
        while not condition():
            status = self._processes[name].poll()
            assert status is None, f"{name} ended with {status}: {self._tail(name)}"
            assert time.monotonic() < limit, f"{name} is not healthy: {self._tail(name)}"
            time.sleep(POLL_S)

    def _environment(self, name: str) -> dict[str, str]:
        """Return what a container's process sees: of the shell that started all this, only its path."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._logs), "LANG": "C.UTF-8"}
        image = self._images[name].environment
        return environment | image | self._services[name].environment

    def _tail(self, name: str) -> str:
        return (self._logs / f"{name}.log").read_text(errors="replace")[-3000:]
