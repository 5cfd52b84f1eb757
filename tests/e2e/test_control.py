"""Control on the real engine: live changes, refusals, stock tools."""

from __future__ import annotations

import itertools
import statistics
import subprocess
import threading
import time
from functools import partial

import numpy as np
import pytest

from pointsman.client.ack import Ack
from pointsman.localstack import enginefiles
from pointsman.localstack.stack import Stack
from tests.e2e.bench import Bench, scale


def test_a_keyless_line_from_a_stock_console_producer_changes_weights_and_is_acknowledged(
    bench: Bench, stack: Stack, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 0})
    line = f'{{"id":"{name}-by-hand","model":"{name}","split":{{"1":0,"2":1}}}}\n'
    libraries = enginefiles.ensure().broker_lib
    command = ["java", "-cp", f"{libraries}/*", "kafka.tools.ConsoleProducer"]
    subprocess.run(
        [*command, "--bootstrap-server", stack.kafka, "--topic", "pointsman.control"],
        input=line.encode(),
        check=True,
        timeout=60,
        capture_output=True,
    )
    deadline = time.monotonic() + 30
    while not any(event.get("command") == f"{name}-by-hand" for event in bench.events_of(name)):
        assert time.monotonic() < deadline, "no acknowledgement"
        bench.ledger.wait(0.1, until=lambda: False)
    bench.send(name, "after", row)
    bench.settled()
    assert bench.ledger.finals["after"].version == "2"


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ({"split": {"1": -1}}, "split.1"),
        ({"split": {"1": 0}}, "split"),
        ({"split": {"9": 1}}, "split.9"),
        ({"label": {"stable": "9"}}, "labels.stable"),
        ({"apply": {"versions": {"2": {"uri": "file:///nowhere.safetensors"}}}}, "versions.2.uri"),
        ({"apply": {"versions": {"1": {"uri": "python:another:Class"}}}}, "versions.1.uri"),
        ({"apply": {"versions": {"UPPER": {"uri": "python:a:B"}}}}, "versions.UPPER"),
    ],
)
def test_an_invalid_command_is_refused_with_its_field_and_changes_nothing(
    bench: Bench, name: str, command: dict[str, object], field: str
) -> None:
    epoch = bench.apply(name, {"1": scale(1)}, {"1": 1})
    ack = bench.control({"model": name, **command})
    assert not ack.ok
    assert ack.error is not None
    assert ack.error.field == field
    assert ack.epoch == epoch


def test_control_for_another_key_is_refused(bench: Bench, name: str) -> None:
    bench.ledger.send(
        "",
        f'{{"id":"{name}-x","model":"{name}","split":{{"1":1}}}}'.encode(),
        key=b"other",
        topic="pointsman.control",
    )
    bench.ledger.flush()
    deadline = time.monotonic() + 30
    while not (acks := [event for event in bench.events_of(name) if event["type"] == "ack"]):
        assert time.monotonic() < deadline, "no acknowledgement"
        bench.ledger.wait(0.1, until=lambda: False)
    assert acks[0]["error"]["field"] == "key"


def test_a_repeated_command_is_acknowledged_and_done_once(bench: Bench, name: str) -> None:
    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 0})
    command = {"id": f"{name}-once", "model": name, "split": {"1": 1, "2": 1}}
    first, second = bench.control(command), bench.control(command)
    assert (first.repeated, second.repeated) == (False, True)
    assert first.epoch == second.epoch


def test_an_old_version_serves_until_the_new_one_is_ready(bench: Bench, name: str, row: np.ndarray) -> None:
    bench.apply(name, {"1": scale(1)}, {"1": 1})
    versions = {"2": scale(2, pool="nobody")}
    ack = bench.control({"model": name, "apply": {"versions": versions, "route": {"split": {"2": 1}}}})
    assert ack.ok
    bench.send(name, "before", row)
    bench.settled()
    assert bench.ledger.finals["before"].version == "1"
    assert "no pod of pool 'nobody'" in bench.state(name, "2", "LOADING")["reason"]


def test_a_version_left_out_drains_and_retires(bench: Bench, name: str, row: np.ndarray) -> None:
    bench.apply(name, {"1": scale(1)}, {"1": 1})
    for number in range(50):
        bench.send(name, f"{name}-{number}", row)
    bench.apply(name, {"2": scale(2)}, {"2": 1})
    bench.state(name, "1", "RETIRED")
    bench.send(name, "last", row)
    bench.settled()
    assert bench.ledger.finals["last"].version == "2"


def seconds_after(sent_ms: float, ack: Ack, bench: Bench) -> float:
    """Return how long after a command the last answer of an epoch before its own was written."""
    finals = list(bench.ledger.finals.values())  # a copy: more come meanwhile
    return (max(final.written_ms for final in finals if final.epoch < ack.epoch) - sent_ms) / 1000


def reached(bench: Bench, ack: Ack) -> bool:
    """Whether an answer of the command's epoch has come."""
    return any(final.epoch >= ack.epoch for final in list(bench.ledger.finals.values()))


def test_a_weight_change_of_an_idle_model_is_live_within_200_ms(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 0})
    done = threading.Event()

    def trickle() -> None:
        for number in itertools.count():
            bench.send(name, f"{name}-{number}", row)
            if done.wait(0.005):
                return

    sender = threading.Thread(target=trickle)
    sender.start()
    try:
        took = []
        for weight in range(2, 7):
            assert bench.ledger.wait(30, until=lambda: bool(bench.ledger.finals))
            sent_ms = time.time() * 1000
            ack = bench.control({"model": name, "split": {"1": weight, "2": 1}})
            assert bench.ledger.wait(30, until=partial(reached, bench, ack))
            took.append(seconds_after(sent_ms, ack, bench))
    finally:
        done.set()
        sender.join()
    bench.settled()
    # Not so long before the command that nothing was measured.
    assert -0.1 < statistics.median(took) <= 0.2, took


def test_a_weight_change_takes_hold_of_what_waits_within_a_second_of_a_flood(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    # Version 1 would need 12 s for all of it.
    slow = scale(1, pause_ms=20, max_batch=16)
    bench.apply(name, {"1": slow, "2": scale(2)}, {"1": 1, "2": 0})
    for number in range(10_000):
        bench.send(name, f"{name}-{number}", row)
    assert bench.ledger.wait(60, until=lambda: len(bench.ledger.finals) >= 100)
    sent_ms = time.time() * 1000
    ack = bench.control({"model": name, "split": {"1": 0, "2": 1}})
    bench.settled(120)
    assert 0 < seconds_after(sent_ms, ack, bench) <= 1.0
    assert sum(final.version == "1" for final in bench.ledger.finals.values()) < 5_000
    for final in bench.ledger.finals.values():
        np.testing.assert_array_equal(bench.outputs(final.id)["y"], row * int(final.version))
