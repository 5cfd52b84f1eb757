"""The virtual environment `.venv` with the package, editable, and all its extras."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from scripts.bootstrap.step import call, digest, done, finish, say, undo

VENV = Path(".venv")
PYTHON = VENV / "bin" / "python"
REQUIREMENT = ".[torch,onnx,sklearn,xgboost,lightgbm,openvino,text,image,stores,remote,http,gateway,demo,dev]"
STAMP = "environment"

# Measured on x86-64. pip tells the exact size of each file when it comes to it; asking beforehand would
# download the large ones twice from an index without separate metadata.
TORCH_CUDA_MB = 2_960
TORCH_CPU_MB = 200
OTHERS_MB = 220
CPU_HINT = " (torch with CUDA; set PIP_EXTRA_INDEX_URL to an index of its CPU build for less)"


def ensure() -> None:
    """Create `.venv` and install into it unless that was done for this very `pyproject.toml` and Python.

    Which index pip asks is pip's own setting (its file or PIP_INDEX_URL and so on). Raises StepError.
    """
    # The folder is part of the input: an environment does not survive that its folder moves.
    wanted = digest([Path("pyproject.toml")], REQUIREMENT, sys.version, str(Path.cwd()))
    if PYTHON.exists() and done(STAMP, wanted):
        return
    undo(STAMP)
    _create()
    _remove_half_installed()
    say(_announcement())
    call(
        [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "-e", REQUIREMENT],
        "Packages that are already there are kept: make again.",
    )
    finish(STAMP, wanted)


def _create() -> None:
    if PYTHON.exists() and _succeeds([str(PYTHON), "-m", "pip", "--version"]):
        return
    say("Virtual environment: .venv")
    call([sys.executable, "-m", "venv", "--clear", str(VENV)], "Remove .venv and make again.")


def _remove_half_installed() -> None:
    # pip writes INSTALLER after a package's files; without it pip would take the remains for the package.
    for facts in VENV.glob("lib/python*/site-packages/*.dist-info"):
        if not (facts / "INSTALLER").exists():
            shutil.rmtree(facts)


def _announcement() -> str:
    size = OTHERS_MB
    hint = ""
    if not list(VENV.glob("lib/python*/site-packages/torch-*.dist-info")):
        from_cpu_index = "/cpu" in _pip_settings()
        size += TORCH_CPU_MB if from_cpu_index else TORCH_CUDA_MB
        hint = "" if from_cpu_index else CPU_HINT
    return f"Python packages: at most about {size / 1000:.1f} GB to fetch{hint}"


def _pip_settings() -> str:
    command = [str(PYTHON), "-m", "pip", "config", "list"]  # files and environment
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
