"""The commands against a running stack: an own pod joins, is applied, asked, watched and retired."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from pointsman.localstack.pools import Pools
from pointsman.localstack.stack import Stack

COMMAND = [sys.executable, "-c", "from pointsman.cli.main import app; app()"]


class Shell:
    """Runs commands in the scaffold's folder."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.folder = folder
        paths = os.pathsep.join(sys.path)
        self.environment = {**os.environ, "POINTSMAN_HOME": str(home), "PYTHONPATH": paths}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [*COMMAND, *arguments], env=self.environment, cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str) -> str:
        """Return the output of a command that succeeds."""
        output, errors = (process := self.start(*arguments)).communicate(timeout=180)
        assert process.returncode == 0, errors
        return output

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the JSON lines of a command that succeeds."""
        return [msgspec.json.decode(line) for line in self.run(*arguments, "--json").splitlines()]

    def refusal(self, *arguments: str) -> str:
        """Return what a command that fails says."""
        output, errors = (process := self.start(*arguments)).communicate(timeout=180)
        assert (process.returncode, output) == (1, "")
        return errors


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Start a stack without pods, and an own pod beside it that has joined the running job."""
    home, work = tmp_path_factory.mktemp("the home"), tmp_path_factory.mktemp("work")
    with Stack(home, pods=()) as stack:
        assert "wrote churn/apply.yaml" in Shell(home, work).run("new", "pod", "churn")
        made = Shell(home, work / "churn")
        with made.start("pod", "churn:Churn", "--pool", "churn") as pod:
            try:
                made.run("apply", "apply.yaml")
                yield made
                assert stack.restarts() == 0, stack.failure()
            finally:
                pod.send_signal(signal.SIGTERM)
                pod.communicate(timeout=60)
        assert Pools(stack.home.pools).read() == {}


def test_a_json_body_is_answered(shell: Shell) -> None:
    (answer,) = shell.lines("send", "churn", "--body", '{"instances": [[1, 2, 3]]}')
    assert answer["outputs"]["score"] == pytest.approx([1.7])
    assert "1.7" in shell.run("send", "churn", "--body", "[[1, 2, 3]]")


def test_an_array_file_is_sent_many_times(shell: Shell) -> None:
    np.save(shell.folder / "x.npy", np.array([2.0, 0, 0]))
    answers = shell.lines("send", "churn", "x.npy", "-n", "20")
    assert [answer["outputs"]["score"] for answer in answers] == [[1.0]] * 20
    assert "20 answers" in shell.run("send", "churn", "x.npy", "-n", "20")


def test_a_wrong_shape_is_one_sentence(shell: Shell) -> None:
    assert "INVALID_ARGUMENT" in shell.refusal("send", "churn", "--body", '{"instances": [[1, 2]]}')


def test_an_unknown_model_is_one_sentence(shell: Shell) -> None:
    assert "NOT_FOUND" in shell.refusal("send", "nobody", "--body", "[[1]]")


def test_the_table_is_shown(shell: Shell) -> None:
    (table,) = shell.lines("get", "churn")
    assert table["versions"]["1"]["state"] == "READY"
    shown = shell.run("get")
    assert "READY" in shown
    assert "100.0%" in shown
    assert "no model 'nobody'" in shell.refusal("get", "nobody")


def test_what_is_loaded_where_is_shown(shell: Shell) -> None:
    told = shell.run("models")
    for part in ("churn", "READY", "1 of 1", "256", "pod churn-"):
        assert part in told
    told = shell.run("inspect", "churn")
    for part in ("python:churn:Churn", "max_batch", "in memory", "loaded 1 times", "passes of"):
        assert part in told
    (fact,) = shell.lines("inspect", "churn", "1")
    [pod] = fact["pods"]
    assert (pod["in_memory"], pod["state"], pod["loads"]) == (True, "READY", 1)
    assert pod["bytes"] > 0
    assert shell.lines("models")[0]["model"] == "churn"
    assert "churn has no version '9'; there are: 1" in shell.refusal("inspect", "churn", "9")
    assert "no model 'nobody'" in shell.refusal("inspect", "nobody")


def test_weights_and_labels_change_and_a_bad_one_is_refused(shell: Shell) -> None:
    (split,) = shell.lines("split", "churn", "1=50.5")
    (label,) = shell.lines("label", "churn", "stable=1")
    assert split["ok"]
    assert label["epoch"] == split["epoch"] + 1
    assert "no version '9'" in shell.refusal("split", "churn", "9=1")
    assert "ABORTED" in shell.refusal("apply", "apply.yaml", "--epoch", "1")


def test_a_version_without_a_pod_is_waited_for_in_vain(shell: Shell) -> None:
    (shell.folder / "typo.yaml").write_text(
        'model: typo\nversions: {"1": {uri: "python:churn:Churn", runtime: python, pool: chrun}}\n'
    )
    said = shell.start("apply", "typo.yaml", "--timeout", "5")
    output, errors = said.communicate(timeout=180)
    assert said.returncode == 1
    assert "no pod of pool 'chrun'" in output
    assert "does a pod serve its pool?" in errors


@pytest.mark.parametrize("stream", ["responses", "events", "routes"])
def test_streams_are_followed(shell: Shell, stream: str) -> None:
    shell.run("send", "churn", "--body", "[[1, 2, 3]]")
    (record,) = shell.lines("tail", stream, "--from-start", "-n", "1", "--seconds", "60")
    assert "value" not in record, "the record was not understood"
    assert shell.run("tail", stream, "--from-start", "-n", "1", "--seconds", "60").strip()


def test_a_served_pool_cannot_be_taken_by_another(shell: Shell) -> None:
    assert "pool churn is served" in shell.refusal("pod", "churn:Churn", "--pool", "churn").replace("\n", " ")


def test_a_retired_version_leaves_the_table(shell: Shell) -> None:
    (shell.folder / "second.yaml").write_text(
        'model: second\nversions: {"1": {uri: "python:churn:Churn", runtime: python, pool: churn}}\n'
    )
    shell.run("apply", "second.yaml")
    assert shell.lines("retire", "second", "1")[0]["ok"]
