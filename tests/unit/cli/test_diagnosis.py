"""`doctor` finds what is missing and what is there twice."""

from __future__ import annotations

import importlib.metadata
import socket
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest

from pointsman.cli import diagnosis
from pointsman.cli.diagnosis import Finding, examine
from pointsman.localstack.home import Home
from pointsman.localstack.ports import HOST


def found(home: Path) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(Home(home))}


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_machine_with_nothing_lacks_java_and_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = found(tmp_path)
    for check, package in (("java", "openjdk-17"), ("mvn", "maven"), ("redis-server", "redis-server")):
        assert not findings[check].ok
        assert package in findings[check].remedy
    assert findings["redis-server"].optional


@pytest.mark.parametrize(
    ("version", "ok"), [("1.8.0_392", False), ("10.0.2", False), ("11.0.21", True), ("17.0.9", True)]
)
def test_java_must_be_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, ok: bool
) -> None:
    program(tmp_path, "java", f"echo 'openjdk version \"{version}\"' >&2")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert found(tmp_path)["java"].ok is ok


def test_a_home_that_is_no_folder_is_looked_at_where_it_will_be(tmp_path: Path) -> None:
    findings = found(tmp_path / "not" / "yet")
    assert findings["home"].ok
    assert findings["disk"].ok


def test_a_busy_port_is_named_and_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HOST, 0)) as busy:
        port = busy.getsockname()[1]
        monkeypatch.setattr(diagnosis, "USUAL", {"kafka": port})
        finding = found(tmp_path)["ports"]
    assert finding.ok
    assert str(port) in finding.found


class Installed:
    """A distribution that is installed."""

    def __init__(self, name: str) -> None:
        self.metadata = Message()
        self.metadata["Name"] = name


def test_two_distributions_of_one_package_are_named_with_the_mending_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def installed() -> Iterator[Installed]:
        yield from (Installed("flink-statefun"), Installed("apache_flink_statefun"), Installed("protobuf"))

    monkeypatch.setattr(importlib.metadata, "distributions", installed)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "3.3.0")
    findings = found(tmp_path)
    assert not findings["statefun"].ok
    assert "pip uninstall -y apache-flink-statefun" in findings["statefun"].remedy
    assert findings["google.protobuf"].ok


def test_a_jar_in_two_versions_is_named(tmp_path: Path) -> None:
    for name in ("kafka-clients-3.9.1.jar", "kafka-clients-3.2.0.jar", "scala-library-2.13.15.jar"):
        (tmp_path / name).write_bytes(b"")
    assert diagnosis._doubles(tmp_path) == "kafka-clients"
