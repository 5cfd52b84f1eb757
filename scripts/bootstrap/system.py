"""The programs that come from the distribution's packages."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from scripts.bootstrap.step import StepError, call, say

# Any of them will do for the tests of the gateway's page; the first one is the smallest.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


class Need(NamedTuple):
    """Something a package gives, known by what it gives: a command, a header or a module of Python.

    Of several commands, as in "one|other", any will do.
    """

    what: str
    packages: tuple[str, ...]
    """Packages that give it; the first one the distribution has is taken."""

    only_for: tuple[str, ...] = ()
    """What alone needs it: "test" or "bench"; empty: everything."""

    @property
    def present(self) -> bool:
        """Whether the machine has it, from whatever source."""
        if self.what == "ensurepip":
            return importlib.util.find_spec("ensurepip") is not None
        if self.what.startswith("/"):
            return Path(self.what).exists()
        return any(map(shutil.which, self.what.split("|")))


NEEDS = (
    Need("javac", ("openjdk-17-jdk-headless", "openjdk-21-jdk-headless", "default-jdk-headless")),
    Need("mvn", ("maven",)),
    Need("redis-server", ("redis-server",)),
    Need("|".join(BROWSERS), BROWSERS[:3], ("test",)),
    Need("go", ("golang-go",), ("test",)),
    Need("node", ("nodejs",), ("test",)),
    Need("npm", ("npm",), ("test",)),
    Need("ensurepip", (f"python3.{sys.version_info.minor}-venv", "python3-venv")),
    Need("gcc", ("gcc",), ("test", "bench")),
    Need("/usr/include/librdkafka/rdkafka.h", ("librdkafka-dev",), ("test", "bench")),
    Need("wrk", ("wrk",), ("bench",)),
)


def ensure(purpose: str = "") -> None:
    """Install what is missing. Raises StepError with the exact command where that is not allowed."""
    missing = [need for need in NEEDS if not need.present and (not need.only_for or purpose in need.only_for)]
    if not missing:
        return
    names = ", ".join(need.what.replace("|", " or ") for need in missing)
    if shutil.which("apt-get") is None:
        raise StepError(f"This machine lacks {names}: install that with its own means, then make again.")
    privilege = _privilege()
    if privilege is None:
        packages = " ".join(_package(need) for need in missing)
        raise StepError(
            f"This machine lacks: {names}. Only root may install them; run this, then make again:\n"
            f"  sudo apt-get update && sudo apt-get install -y --no-install-recommends {packages}"
        )
    _install(missing, privilege)


def _privilege() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def _install(missing: list[Need], privilege: list[str]) -> None:
    say("System packages: refreshing the lists (about 10 MB)")
    remedy = "Repair it, then make again."
    call([*privilege, "apt-get", "update", "-q"], remedy)
    packages = [_package(need) for need in missing]
    options = ["install", "-y", "--no-install-recommends", *packages]
    say(f"System packages: {' '.join(packages)}, {_bytes(options) / 1e6:.0f} MB to fetch")
    call([*privilege, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *options], remedy)


def _package(need: Need) -> str:
    for package in need.packages:
        shown = subprocess.run(["apt-cache", "show", package], capture_output=True, check=False)
        if shown.returncode == 0:
            return package
    return need.packages[-1]


def _bytes(options: list[str]) -> int:
    printed = subprocess.run(
        ["apt-get", "--print-uris", "-qq", *options], capture_output=True, text=True, check=False
    )
    # One line per file: 'ADDRESS' NAME SIZE HASH
    return sum(int(size) for size in re.findall(r"^'\S+' \S+ (\d+)", printed.stdout, re.MULTILINE))
