"""State that lasts: savepoints, another parallelism, and tables that are built anew when it is lost."""

from __future__ import annotations

import itertools
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pointsman.client.catalogue import read_catalogue
from pointsman.core.table import RouteTable
from pointsman.errors import StackError
from pointsman.localstack import checkpoints, rest, savepoint
from pointsman.localstack.savepoint import Label
from pointsman.localstack.stack import Stack
from tests.e2e.bench import Bench, restarts, scale


def tables(stack: Stack) -> dict[str, RouteTable]:
    """Return the tables of all models, as they are on the routes topic."""
    return read_catalogue(stack.kafka)


def parallelism(stack: Stack) -> set[int]:
    """Return what Flink says of the job's vertices; a JVM that has just begun does not say it at once."""
    port, limit, poll = stack.record.children["engine"].port, time.monotonic() + 30, threading.Event()
    job = rest.get_json(port, "/jobs/overview")["jobs"][0]["jid"]
    while not (vertices := rest.get_json(port, f"/jobs/{job}")["vertices"]):
        assert time.monotonic() < limit, "Flink does not describe its job"
        poll.wait(0.1)
    return {vertex["parallelism"] for vertex in vertices}


def epochs(bench: Bench, model: str) -> set[int]:
    """Return the epochs that the model's answers name."""
    return {final.epoch for key, final in bench.ledger.finals.items() if key.startswith(f"{model}-")}


@contextmanager
def traffic(bench: Bench, model: str, row: np.ndarray) -> Iterator[None]:
    """Send about a thousand requests a second, of a hundred units; at the end all are answered rightly."""
    done = threading.Event()
    sent: list[str] = []

    def send() -> None:
        for number in itertools.count():
            sent.append(f"{model}-{number}")
            bench.send(model, sent[-1], row * (number % 7), unit=f"u{number % 100}")
            if number % 10 == 0 and done.wait(0.01):
                return

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        done.set()
        sender.join()
    bench.settled(60)
    versions: dict[str, set[str]] = {}
    for number, request_id in enumerate(sent):
        final = bench.ledger.finals[request_id]
        np.testing.assert_array_equal(bench.outputs(request_id)["y"], row * (number % 7) * int(final.version))
        versions.setdefault(f"u{number % 100}", set()).add(final.version)
    assert set(map(len, versions.values())) == {1}, "a unit keeps its version"
    assert set.union(*versions.values()) == {"1", "2"}


def some(bench: Bench, count: int) -> None:
    """Return when so many more answers have come."""
    aim = len(bench.ledger.finals) + count
    assert bench.ledger.wait(60, until=lambda: len(bench.ledger.finals) >= aim)


def test_a_job_goes_on_from_a_savepoint_with_another_parallelism(
    stack: Stack, name: str, row: np.ndarray, tmp_path: Path
) -> None:
    waiting = f"{name}-waiting"
    with Bench(stack) as bench:
        bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 1})
        late = {"1": scale(3, load_s=5)}
        assert bench.control({"model": waiting, "apply": {"versions": late}}).ok
        for number in range(20):
            bench.send(waiting, f"waits-{number}", row)
        with traffic(bench, name, row):
            some(bench, 300)
            before = tables(stack)[name]
            stopped = stack.checkpoint(tmp_path / "my savepoints", stop=True)
            assert stack.record.children["engine"].state == "down"
            with pytest.raises(StackError, match="the job does not run"):
                stack.checkpoint()
            stack.restore(stopped, parallelism=1)
            assert parallelism(stack) == {1}
            some(bench, 300)
            stack.restore(stack.checkpoint(), parallelism=2)
            assert parallelism(stack) == {2}
            some(bench, 300)
        for number in range(20):
            np.testing.assert_array_equal(bench.outputs(f"waits-{number}")["y"], row * 3)
        assert tables(stack)[name] == before, bench.events_of(name)
        ack = bench.control({"model": name, "label": {"stable": "1"}, "expected_epoch": before.epoch})
        assert ack.ok, ack.error
        assert epochs(bench, name) == {before.epoch}
        assert restarts(stack) == 0, stack.failure()
    assert (stopped / "_metadata").is_file(), "a savepoint is nobody's to delete"


def test_tables_are_built_anew_when_the_state_is_lost(
    stack: Stack, name: str, row: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a busy machine: the engine has ended before anyone asks it where the savepoint is.
    monkeypatch.setattr(savepoint, "POLL_S", 3.0)
    with Bench(stack) as bench:
        bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 3, "2": 1}, labels={"stable": "1"})
        once = {"id": f"{name}-once", "model": name, "split": {"1": 1, "2": 1}}
        assert bench.control(once).ok
        same = bench.control({"id": f"{name}-same", "model": name, "label": {"stable": "1"}})
        began_ms = time.time_ns() // 1_000_000
        with traffic(bench, name, row):
            some(bench, 300)
            before = tables(stack)
            stack.kill("engine", hold=True)
            for checkpoint in checkpoints.newest_first(stack.home.checkpoints):
                shutil.rmtree(checkpoint)
            stack.rebuild(began_ms)
            some(bench, 300)
        assert bench.ledger.repeats >= 300, "what was sent since then is read again"
        assert before[name].epoch == same.epoch
        after = tables(stack)
        assert [model for model in before if after[model].epoch < before[model].epoch] == []
        assert after[name] == before[name]
        assert epochs(bench, name) == {same.epoch}
        for command in (once, {"id": f"{name}-same", "model": name, "label": {"stable": "2"}}):
            ack = bench.control(command)
            assert (ack.repeated, ack.epoch) == (True, same.epoch)
        assert bench.control({"model": name, "split": {"1": 1}}).epoch == same.epoch + 1
        assert restarts(stack) == 0, stack.failure()


def test_what_cannot_be_restored_is_refused_and_the_job_goes_on(
    bench: Bench, stack: Stack, name: str, row: np.ndarray, tmp_path: Path
) -> None:
    bench.apply(name, {"1": scale(1)}, {"1": 1})
    pid = stack.record.children["engine"].pid
    taken = stack.checkpoint(tmp_path)
    with pytest.raises(StackError, match=f"did you mean {taken}"):
        stack.restore(tmp_path)
    foreign = shutil.copytree(taken, tmp_path / "foreign")
    (foreign / "pointsman.json").write_bytes(msgspec.json.encode(Label("another", 0)))
    with pytest.raises(StackError, match="of another stack"):
        stack.restore(foreign)
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="cannot be written"):
        stack.checkpoint(tmp_path / "file")
    assert stack.record.children["engine"].pid == pid, "nothing of this touched the job"
    damaged = shutil.copytree(taken, tmp_path / "damaged")
    (damaged / "_metadata").write_bytes((taken / "_metadata").read_bytes()[:100])
    with pytest.raises(StackError, match="cannot be restored"):
        stack.restore(damaged)
    stack.wait_ready()
    bench.send(name, "after", row)
    bench.settled()
    assert damaged.is_dir()
