from __future__ import annotations

import os
import subprocess

from scripts.kept import ROOT
from tests.protocol.official.environment import SDK, official_python


def test_the_protocol_tests_hold_on_the_official_sdk() -> None:
    command = [
        *(str(official_python()), "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *("-o", "filterwarnings=default"),  # its protobuf warns about itself
        *("tests/protocol", "--ignore=tests/protocol/official"),
    ]
    result = subprocess.run(
        command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr


def test_the_official_environment_has_the_official_sdk() -> None:
    program = "from importlib.metadata import version as v; print(v('apache-flink-statefun'), v('protobuf'))"
    printed = subprocess.run(
        [official_python(), "-c", program], env=_environment(), capture_output=True, text=True, check=True
    )
    sdk, protobuf = printed.stdout.split()
    assert sdk == SDK.partition("==")[2]
    assert protobuf.startswith("3.20.")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
