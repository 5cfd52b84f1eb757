"""An environment with the SDK as the Flink project released it, made once and kept under .cache/."""

from __future__ import annotations

import site
import subprocess
import sys
from pathlib import Path

from scripts.kept import kept

SDK = "apache-flink-statefun==3.3.0"

# What its protobuf 3.20 lacks of the generated code's needs: a check of versions that would refuse it.
RUNTIME_VERSION = '''"""Lets code generated for a newer protobuf load."""

from enum import Enum


class Domain(Enum):
    PUBLIC = 1


def ValidateProtobufRuntimeVersion(*version: object) -> None:
    pass
'''


def official_python() -> Path:
    """Return the interpreter of the environment; makes it the first time for this Python and this SDK.

    What is no SDK and no protobuf comes from the environment that runs the tests, which lies below it.
    """
    made_of = "\n".join([sys.version, SDK, *site.getsitepackages()])
    return kept("official", made_of, _make) / "bin" / "python"


def _make(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "below.pth").write_text("\n".join(site.getsitepackages()))
    python = str(folder / "bin" / "python")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    options = ("--quiet", "--ignore-installed", "--no-warn-conflicts")
    subprocess.run([*pip, "install", *options, SDK], check=True)
    (packages / "google" / "protobuf" / "runtime_version.py").write_text(RUNTIME_VERSION)
