"""Control on the real engine: live changes, refusals, stock tools."""

from __future__ import annotations

import itertools
import statistics
import subprocess
import time
from collections.abc import Callable

import numpy as np
import pytest

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


def old_answers_after(bench: Bench, name: str, split: dict[str, int], probe: Callable[[], None]) -> float:
    """Change weights, `probe` before and after, and return for how many seconds old answers still came."""
    probe()
    sent_ms = time.time() * 1000
    ack = bench.control({"model": name, "split": split})
    probe()
    bench.settled(120)
    old = [final.written_ms for final in bench.ledger.finals.values() if final.epoch < ack.epoch]
    assert any(final.epoch == ack.epoch for final in bench.ledger.finals.values())
    return max(0.0, (max(old) - sent_ms) / 1000)


def test_a_weight_change_of_an_idle_model_is_live_within_200_ms(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 0})
    numbers = itertools.count()

    def one_at_a_time() -> None:
        for number in itertools.islice(numbers, 20):
            bench.send(name, f"{name}-{number}", row)
            bench.settled()

    took = [old_answers_after(bench, name, {"1": n, "2": 1}, one_at_a_time) for n in range(2, 7)]
    assert statistics.median(took) <= 0.2, took


def test_a_weight_change_takes_hold_of_what_waits_within_a_second_of_a_flood(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 0})
    numbers = itertools.count()

    def flood() -> None:
        for number in itertools.islice(numbers, 10_000):
            bench.send(name, f"{name}-{number}", row)

    took = [old_answers_after(bench, name, {"1": n % 2, "2": 1 - n % 2}, flood) for n in range(3)]
    assert statistics.median(took) <= 1.0, took
    for final in bench.ledger.finals.values():
        np.testing.assert_array_equal(bench.outputs(final.id)["y"], row * int(final.version))
