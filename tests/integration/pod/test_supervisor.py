from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pointsman import settings as settings_room
from pointsman.pod import supervisor
from pointsman.runtimes.quarantine import Quarantine
from pointsman.settings import Settings
from tests.integration.pod import apps

Start = Callable[..., "Process"]


class Process:
    """A supervisor in a process of its own, on a free port."""

    def __init__(self, application: str, log: Path, workers: int, journal: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.journal = str(journal)
        settings = Settings(
            port=self.port, workers=workers, log_level="DEBUG", journal=self.journal, compute_timeout_ms=100
        )
        environment = settings_room.environment(settings)
        self.log = log
        with log.open("wb") as out:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "pointsman.pod.supervisor", f"{apps.__name__}:{application}"],
                env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def get(self, path: str) -> int:
        """Return the process id of the worker that answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            return int(connection.getresponse().read())
        finally:
            connection.close()

    def until_listening(self) -> None:
        """Wait for the socket; connections are answered as soon as the worker is there."""
        until(lambda: is_open(self.port), self.log)


def is_open(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: Callable[[], bool], log: Path, limit_s: float = 30) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, log.read_text()
        threading.Event().wait(0.01)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def begin(application: str = "answering", workers: int = 1) -> Process:
        started.append(Process(application, tmp_path / f"{len(started)}.log", workers, tmp_path / "journal"))
        return started[-1]

    yield begin
    for process in started:
        if process.popen.poll() is None:
            process.popen.kill()
        process.popen.wait()


def test_a_dead_worker_is_replaced_and_connections_wait_for_the_next(start: Start) -> None:
    process = start()
    process.until_listening()
    first = process.get("/")
    assert first not in (process.popen.pid, os.getpid())
    with pytest.raises(http.client.RemoteDisconnected):
        process.get("/die")
    assert process.get("/") != first


@pytest.mark.parametrize(("told", "heaps"), [("", 2), ("7", 7)])
def test_the_threads_of_a_worker_share_few_heaps_unless_told_otherwise(
    start: Start, monkeypatch: pytest.MonkeyPatch, told: str, heaps: int
) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    if told:
        monkeypatch.setenv("MALLOC_ARENA_MAX", told)
    process = start()
    process.until_listening()
    assert process.get("/heaps") == heaps


def test_workers_share_the_port_and_one_may_die(start: Start) -> None:
    process = start(workers=3)
    process.until_listening()
    seen: set[int] = set()

    def all_have_answered() -> bool:
        seen.add(process.get("/"))
        return len(seen) == 3

    until(all_have_answered, process.log)
    with pytest.raises(http.client.RemoteDisconnected):
        process.get("/die")
    until(lambda: process.get("/") not in seen, process.log)  # the others serve, and its successor is there
    process.popen.terminate()
    assert process.popen.wait(20) == 0
    until(lambda: not any(map(is_alive, seen)), process.log)


def test_a_worker_that_asks_for_it_is_replaced_after_its_answers(start: Start) -> None:
    process = start()
    process.until_listening()
    first = process.get("/recycle")
    until(lambda: not is_alive(first), process.log)
    assert process.get("/") != first


def test_a_call_in_flight_is_answered_before_the_end(start: Start) -> None:
    process = start()
    process.until_listening()
    worker = process.get("/")
    answers: list[int] = []
    caller = threading.Thread(target=lambda: answers.append(process.get("/slow")))
    caller.start()
    until(lambda: connections_of(process.port) > 0, process.log)
    process.popen.terminate()
    assert process.popen.wait(20) == 0
    caller.join(20)
    assert answers == [worker]
    assert not is_alive(worker)


def connections_of(port: int) -> int:
    """Return how many connections to the port are established."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_ends_at_once(start: Start, number: signal.Signals) -> None:
    process = start()
    process.until_listening()
    worker = process.get("/")
    process.popen.send_signal(number)
    assert process.popen.wait(20) == 0
    assert not is_alive(worker)


def test_the_worker_does_not_outlive_a_killed_supervisor(start: Start) -> None:
    process = start()
    process.until_listening()
    worker = process.get("/")
    process.popen.kill()
    process.popen.wait()
    until(lambda: not is_alive(worker), process.log)
    until(lambda: not is_open(process.port), process.log)  # its last thread closes the socket


def test_a_misconfigured_worker_is_not_tried_again(start: Start) -> None:
    process = start("misconfigured")
    assert process.popen.wait(20) == supervisor.MISCONFIGURED
    assert "no such thing" in process.log.read_text()


@pytest.mark.parametrize("path", ["/misconfigured", "/seize"])
def test_a_worker_that_a_model_ends_or_stops_is_replaced_and_the_model_held(start: Start, path: str) -> None:
    process = start()
    process.until_listening()
    first = process.get("/")
    with pytest.raises(http.client.RemoteDisconnected):
        process.get(path)
    assert process.get("/") != first
    assert Quarantine(process.journal).holds(apps.MODEL)


def test_an_application_that_does_not_exist_is_named(start: Start) -> None:
    process = start("nothing")
    assert process.popen.wait(20) == supervisor.MISCONFIGURED
    assert "nothing is no application" in process.log.read_text()


def test_a_busy_port_is_an_error_in_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = {**os.environ, **settings_room.environment(Settings(port=port))}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        command = [sys.executable, "-m", "pointsman.pod.supervisor", f"{apps.__name__}:answering"]
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=30, check=False
        )
    assert result.returncode == 1
    assert result.stderr == f"cannot listen on 127.0.0.1:{port}: Address already in use\n"
