"""What a machine must have, one check each."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from pointsman.errors import StackError
from pointsman.localstack import enginefiles, ports
from pointsman.localstack.assembly import USUAL
from pointsman.localstack.home import Home

_JAVA: Final = 11
_PYTHON: Final = (3, 11)
_DISK_GB: Final = 3
# Distributions that bring the same import package: the one installed later wins, silently.
_SAME_PACKAGE: Final = {
    "statefun": ("flink-statefun", "apache-flink-statefun"),
    "google.protobuf": ("protobuf", "googleapis-common-protobuf", "protobuf-py3"),
}


class Finding(msgspec.Struct, frozen=True):
    """The result of one check. `remedy` is the command that mends it; `optional` does not stop `up`."""

    check: str
    ok: bool
    found: str
    remedy: str = ""
    optional: bool = False


def examine(home: Home) -> list[Finding]:
    """Return all findings."""
    return [
        _python(), _java(), _program("mvn", "maven", "builds the engine once"), _redis(), _disk(home),
        _writable(home), _ports(), *_jars(), *_installed_twice(),
    ]  # fmt: skip


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= _PYTHON, version, "install Python 3.11 or newer")


def _java() -> Finding:
    remedy = "sudo apt-get install -y openjdk-17-jre-headless"
    if shutil.which("java") is None:
        return Finding("java", False, "missing", remedy)
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)(?:\.(\d+))?', said)
    major = int(found[1]) if found else 0
    if found and major == 1:  # Java 8 calls itself 1.8
        major = int(found[2])
    return Finding("java", major >= _JAVA, f"Java {major}", remedy)


def _program(name: str, package: str, purpose: str, optional: bool = False) -> Finding:
    path = shutil.which(name)
    remedy = f"sudo apt-get install -y {package}"
    return Finding(name, path is not None, path or f"missing; {purpose}", remedy, optional)


def _redis() -> Finding:
    return _program("redis-server", "redis-server", "without it tensors by reference are refused", True)


def _disk(home: Home) -> Finding:
    folder = next(parent for parent in (home.path, *home.path.parents) if parent.exists())
    free = shutil.disk_usage(folder).free / 1e9
    return Finding(
        "disk", free > _DISK_GB, f"{free:.0f} GB free at {folder}", "free some disk, or set POINTSMAN_HOME"
    )


def _writable(home: Home) -> Finding:
    folder = next(parent for parent in (home.path, *home.path.parents) if parent.exists())
    return Finding(
        "home",
        os.access(folder, os.W_OK),
        str(home.path),
        f"sudo chown -R $USER {folder}, or set POINTSMAN_HOME",
    )


def _ports() -> Finding:
    if "POINTSMAN_KAFKA" not in os.environ and (busy := [p for p in USUAL.values() if not ports.is_free(p)]):
        found = f"{', '.join(map(str, busy))} busy; others are taken instead"
        return Finding("ports", True, found, optional=True)
    return Finding("ports", True, "the usual ones are free")


def _jars() -> list[Finding]:
    try:
        files, pom = enginefiles.locate()
    except StackError as error:
        return [Finding("engine", False, str(error), "pip install --force-reinstall pointsman")]
    remedy = f"mvn -q -f '{pom}' package -DskipTests"
    found = "built" if files.built else "not built yet; `pointsman up` does it"
    findings = [Finding("engine", files.built, found, remedy, optional=True)]
    for folder in (files.engine_lib, files.broker_lib):
        double = _doubles(folder)
        if double:
            findings.append(
                Finding(f"jars of {folder.parent.name}", False, f"twice: {double}", f"rm -r '{folder}'")
            )
    return findings


def _doubles(folder: Path) -> str:
    """Return the jars that lie in a folder in two versions: which one is loaded is chance."""
    names = Counter(re.sub(r"-\d[\w.+-]*\.jar$", "", jar.name) for jar in folder.glob("*.jar"))
    # Two libraries of that name from two makers, both wanted by the broker.
    return ", ".join(name for name, count in names.items() if count > 1 and name != "metrics-core")


def _installed_twice() -> list[Finding]:
    findings = []
    installed = Counter(
        (dist.metadata["Name"] or "").lower().replace("_", "-") for dist in importlib.metadata.distributions()
    )
    for package, names in _SAME_PACKAGE.items():
        present = [name for name in names for _ in range(installed[name])]
        surplus = [name for name in present if name != names[0]] or present[1:]
        found = " and ".join(f"{name} {importlib.metadata.version(name)}" for name in dict.fromkeys(present))
        remedy = f"pip uninstall -y {' '.join(surplus)} && pip install --force-reinstall --no-deps {names[0]}"
        findings.append(Finding(package, len(present) == 1, found or "missing", remedy))
    return findings
