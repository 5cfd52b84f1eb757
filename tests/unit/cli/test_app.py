"""The command line from outside: sentences, exit codes, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pointsman import __version__

COMMAND = [sys.executable, "-c", "from pointsman.cli.main import app; app()"]


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "POINTSMAN_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("POINTSMAN_KAFKA", None)
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, env=environment, cwd=home
    )


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").stdout.strip() == __version__


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status",), "start one with `pointsman up`"),
        (("get",), "start one with `pointsman up`"),
        (("logs",), "no log"),
        (("apply", "none.yaml"), "No such file"),
        (("split", "m", "1"), "NAME=VALUE"),
        (("split", "m", "1=x"), "no weight"),
        (("send", "m"), "FILE"),
        (("up", "--input", "orders"), "TOPIC=FORMAT"),
        (("up", "--pods", "UPPER"), "no pool name"),
        (("up", "--pods", "a:0"), "number of workers"),
        (("up", "--pods", "a:"), "number of workers"),
        (("up", "--pods", "a:" + "9" * 5000), "number of workers"),
        (("up", "--pods", "a,a:2"), "twice"),
        (("pod", "nowhere_at_all:Class"), "No module named"),
        (("pod", "os:path"), "no method forward"),
        (("pod", "os"), "MODULE:CLASS"),
        (("new", "pod", "A/B"), "no name"),
        (("--name", "x"), "No such option"),
    ],
)
def test_a_mistake_is_one_sentence_and_no_traceback(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run(tmp_path, *arguments)
    assert result.returncode == (2 if arguments[0] == "--name" else 1)
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_nothing_runs_is_no_error_for_down(tmp_path: Path) -> None:
    result = run(tmp_path, "down", "--json")
    assert (result.returncode, msgspec.json.decode(result.stdout)) == (0, {"stopped": False, "purged": False})


def test_logs_show_the_last_lines_of_each_process(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "kafka.log").write_text("".join(f"line {number}\n" for number in range(50)))
    (logs / "engine.log").write_text("started\n")
    shown = run(tmp_path, "logs", "-n", "2").stdout.splitlines()
    assert shown == ["engine | started", "kafka  | line 48", "kafka  | line 49"]
    only = run(tmp_path, "logs", "engine", "--json").stdout
    assert msgspec.json.decode(only) == {"process": "engine", "line": "started"}


def test_doctor_prints_one_json_object_per_check(tmp_path: Path) -> None:
    lines = run(tmp_path, "doctor", "--json").stdout.splitlines()
    assert {"java", "mvn", "disk", "statefun"} <= {msgspec.json.decode(line)["check"] for line in lines}


def test_the_command_line_never_imports_torch(tmp_path: Path) -> None:
    code = "import sys, pointsman.cli.main; sys.exit('torch' in sys.modules or 'statefun' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
