"""The parts of the chaos run that can be looked at alone."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from typing import cast

import msgspec
import pytest

from benchmarks.chaos.faults import Fault, Since, deck
from benchmarks.chaos.proxy import Proxy, flipped
from benchmarks.chaos.report import Blow, Result
from benchmarks.chaos.run import struck
from benchmarks.chaos.scene import Scene
from pointsman.errors import StackError, TimedOut


@pytest.fixture
def echo() -> Iterator[int]:
    """Return the port of a server that sends back what it is sent."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while data := connection.recv(1 << 16):
                    connection.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def said(proxy: Proxy, message: bytes) -> bytes:
    """Return what comes back of a message through the proxy."""
    host, _, port = proxy.address.rpartition(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(message)
        try:
            while len(answer) < len(message) and (data := connection.recv(1 << 16)):
                answer += data
        except ConnectionResetError:
            pass
    return answer


def test_a_proxy_passes_on_cuts_and_flips_as_told(echo: int) -> None:
    with Proxy(echo, random.Random(3)) as proxy:
        assert said(proxy, b"hello") == b"hello"
        proxy.mode = "cut"
        assert any(len(said(proxy, b"hello")) < 5 for _ in range(200))
        proxy.mode = "corrupt"
        answers = {said(proxy, b"hello") for _ in range(50)}
        assert {len(answer) for answer in answers} == {5}
        assert len(answers) > 1


def test_one_bit_is_flipped() -> None:
    flips = [flipped(b"\x00\x00", bit) for bit in range(16)]
    assert len(set(flips)) == 16
    assert all(int.from_bytes(one).bit_count() == 1 for one in flips)


def test_a_seed_gives_the_same_faults_again_and_every_kind_is_among_them() -> None:
    first, second = deck(random.Random(7)), deck(random.Random(7))
    assert first == second
    names: set[str] = {fault.name for fault in first}
    kinds: set[type[Fault]] = {type(fault) for fault in first}
    assert {kind.__name__ for kind in kinds} == {
        "Kill", "Drain", "Stop", "Away", "Line", "FullDisk", "Roll", "Join"
    }  # fmt: skip
    assert {"line to the pods: corrupt", "SIGKILL engine", "SIGTERM router"} <= names
    assert first != deck(random.Random(8))


@pytest.mark.parametrize(
    ("lost", "wrong", "stuck", "is_exact"),
    [([], [], "", True), (["a"], [], "", False), ([], ["a"], "", False), ([], [], "no answer", False)],
)
def test_a_run_is_exact_only_if_nothing_is_lost_wrong_or_stuck(
    lost: list[str], wrong: list[str], stuck: str, is_exact: bool
) -> None:
    blow = Blow("SIGKILL pod", 0, 1.0, 1.0, stuck=stuck)
    result = Result(1, [blow], 10, lost, wrong, repeats=0, restarts=0, spoilt=0, seconds=1.0)
    assert result.is_exact is is_exact


class Failing(msgspec.Struct, frozen=True):
    """A fault after which something does not come back."""

    error: Exception
    name: str = "failing"

    def strike(self, scene: Scene) -> Since:
        """Fail."""
        raise self.error


@pytest.mark.parametrize("kind", [TimeoutError, StackError, TimedOut])
def test_what_does_not_come_back_is_a_stuck_blow_and_no_end(kind: type[Exception]) -> None:
    blow = struck(cast("Scene", None), Failing(kind("the pod stays away")))
    assert (blow.name, blow.stuck) == ("failing", "the pod stays away")
