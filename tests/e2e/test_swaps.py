"""Swaps of versions under traffic, and the way back, on the real engine."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.e2e.bench import Bench, scale

COMMAND = [sys.executable, "-c", "from pointsman.cli.main import app; app()"]


def printed(bench: Bench, *arguments: str) -> str:
    """Return what a command prints for people."""
    command = [*COMMAND, *arguments, "--kafka", bench.stack.kafka]
    environment = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    return done.stdout


def pointsman(bench: Bench, *arguments: str) -> list[dict[str, Any]]:
    """Return what a command prints for programs."""
    return [json.loads(line) for line in printed(bench, *arguments, "--json").splitlines()]


class Stream:
    """Requests, one every few milliseconds, for as long as something is under way."""

    def __init__(self, bench: Bench, model: str, row: np.ndarray) -> None:
        self._bench, self._model, self._row = bench, model, row
        self._numbers = itertools.count()

    def send(self) -> str:
        """Send a request and return its id."""
        request_id = f"{self._model}-{next(self._numbers)}"
        self._bench.send(self._model, request_id, self._row)
        return request_id

    def until(self, is_over: Callable[[], bool]) -> None:
        """Send until something is over, two minutes at most."""
        for _ in range(24_000):
            self.send()
            if self._bench.ledger.wait(0.005, until=is_over):
                return
        raise AssertionError("it is not over")

    def check(self) -> list[str]:
        """Return the versions that answered, in order; each by itself, and none failed."""
        self._bench.settled()
        finals = [
            self._bench.ledger.finals[f"{self._model}-{number}"] for number in range(next(self._numbers))
        ]
        assert [final for final in finals if final.error] == []
        for final in finals:
            np.testing.assert_array_equal(
                self._bench.outputs(final.id)["y"], self._row * int(final.version), final.id
            )
        return [final.version for final in finals]


def heard(bench: Bench, model: str, version: str, state: str) -> Callable[[], bool]:
    """Return whether an event has said that a version is in a state."""
    wanted = {"type": "version", "version": version, "state": state}.items()
    return lambda: any(wanted <= event.items() for event in bench.events_of(model))


def test_published_versions_take_over_one_after_the_other_and_a_rollback_goes_back(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(1)}, {"1": 1})
    assert pointsman(bench, "policy", name, "latest(2)")[0]["kind"] == "policy"
    stream = Stream(bench, name, row)
    for version in ("2", "3", "4"):
        assert bench.control({"model": name, "register": {version: scale(int(version))}}).ok
        stream.until(heard(bench, name, version, "READY"))
        assert bench.predict(name, {"x": row}).version == version
    stream.until(heard(bench, name, "2", "RETIRED"))
    (ack,) = pointsman(bench, "rollback", name, "--actor", "ann")
    assert (ack["kind"], ack["actor"]) == ("rollback", "ann")
    assert bench.predict(name, {"x": row}).version == "3"
    stream.send()
    versions = stream.check()
    assert set(versions) == {"1", "2", "3", "4"}
    assert versions[-1] == "3"
    assert pointsman(bench, "history", name)[0]["split"] == {"3": 10_000}
    shown = printed(bench, "history", name)
    assert "policy latest(2)" in shown
    assert "3=1" in shown
    refused = bench.control({"model": name, "rollback": {}})
    assert refused.error is not None
    assert refused.error.field == "rollback.2"


def test_a_version_that_gives_other_outputs_than_expected_never_serves(
    bench: Bench, name: str, row: np.ndarray, tmp_path: Path
) -> None:
    example, expect = tmp_path / "example.npy", tmp_path / "expect.npz"
    np.save(example, row)
    np.savez(expect, y=row * 2)
    verified = {"example": example.as_uri(), "expect": expect.as_uri()}
    bench.apply(name, {"1": scale(1)}, {"1": 1}, labels={"stable": "1"})
    stream = Stream(bench, name, row)
    registered = {"2": scale(2, **verified), "3": scale(3, **verified)}
    assert bench.control({"model": name, "register": registered}).ok
    stream.until(heard(bench, name, "3", "FAILED"))
    assert "instead of 2.0" in bench.state(name, "3", "FAILED")["reason"]
    refused = bench.control({"model": name, "promote": {"version": "3"}})
    assert refused.error is not None
    assert refused.error.field == "promote.version"
    stream.until(heard(bench, name, "2", "READY"))
    assert set(stream.check()) == {"1"}
    assert pointsman(bench, "promote", name, "2", "--label", "stable")[-1]["state"] == "READY"
    assert bench.predict(name, {"x": row}, label="stable").version == "2"
