from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compose.composition import ROOT

LIMIT_S = 420

# Only root may have namespaces without a user namespace around them.
USER = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
UNSHARE = ["unshare", *USER, "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def test_the_composed_system_answers_and_answers_again_after_the_masters_death(tmp_path: Path) -> None:
    _skip_where_namespaces_are_forbidden()
    folder = tmp_path / "composed"
    folder.mkdir()
    result = _unshared(sys.executable, "-m", "tests.compose.inside", str(folder))
    assert result.returncode == 0, result.stderr[-6000:]
    doubled = [[2.0, 4.0]]
    assert json.loads(result.stdout) == {
        "first": doubled,
        "after_death": doubled,
        "restored": True,
        "http": doubled,
        "grpc": doubled,
    }


def _skip_where_namespaces_are_forbidden() -> None:
    """Skip inside most containers and chroots; continuous integration must not be such a place."""
    refused = _unshared("true")
    if refused.returncode != 0 and "CI" not in os.environ:
        pytest.skip(f"this machine forbids namespaces: {refused.stderr.strip()}")


def _unshared(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in namespaces of its own; what it leaves behind dies with it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "functions")))}
    return subprocess.run(
        [*UNSHARE, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
