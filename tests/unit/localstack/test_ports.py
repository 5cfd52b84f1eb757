"""Reserved ports stay free for their owner and nobody else."""

from __future__ import annotations

import random
import socket

import pytest

from pointsman.errors import StackError
from pointsman.localstack import ports
from pointsman.localstack.ports import HOST, is_free, reserve


def test_a_preferred_port_is_taken_when_it_is_free() -> None:
    first = reserve()
    first.release()
    again = reserve([first.port])
    assert again.port == first.port
    again.release()


def test_a_busy_preferred_port_is_passed_over() -> None:
    with socket.create_server((HOST, 0)) as busy:
        taken = busy.getsockname()[1]
        other = reserve([taken])
        assert other.port != taken
        other.release()


def test_a_reserved_port_is_given_to_nobody_else() -> None:
    first = reserve()
    assert not is_free(first.port)
    second = reserve([first.port])
    assert second.port != first.port
    first.release()
    second.release()
    assert is_free(first.port)


def test_the_owner_can_listen_after_the_release() -> None:
    reservation = reserve()
    reservation.release()
    with socket.create_server((HOST, reservation.port)):
        assert not is_free(reservation.port)


def test_a_port_in_time_wait_counts_as_free() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection((HOST, port))
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first keeps the port in TIME_WAIT
        client.recv(1)
        client.close()
    assert is_free(port)


def test_no_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_bind", lambda port: None)
    with pytest.raises(StackError, match="no free port"):
        reserve(chance=random.Random(1))
