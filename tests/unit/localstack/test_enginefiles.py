"""Whether the engine's jars are there, whole, and what is said when they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.errors import StackError
from pointsman.localstack import enginefiles
from pointsman.localstack.enginefiles import EngineFiles, ensure


def files_in(folder: Path) -> EngineFiles:
    return EngineFiles(
        folder / "engine" / "lib", folder / "broker" / "lib", folder / "conf", folder / "module.yaml"
    )


def fill(files: EngineFiles) -> None:
    for folder, jar in (
        (files.engine_lib, "statefun-flink-distribution-3.3.0.jar"),
        (files.engine_lib, "pointsman-engine.jar"),
        (files.broker_lib, "kafka_2.13-3.9.1.jar"),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / jar).write_bytes(b"")


def maven(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> EngineFiles:
    """Put a Maven that runs `script` on the path, and the engine's pom into `folder`."""
    program = folder / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    files = files_in(folder)
    monkeypatch.setattr(enginefiles, "locate", lambda: (files, folder / "pom.xml"))
    return files


def test_the_checkout_is_found_first() -> None:
    files, pom = enginefiles.locate()
    assert pom.parts[-2:] == ("engine", "pom.xml")
    assert (files.module.name, files.conf.name) == ("module.yaml", "conf")


def test_filled_folders_are_used_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = maven(tmp_path, "exit 1", monkeypatch)
    fill(files)
    assert ensure() == files
    assert files.job_jar.exists()


def test_missing_jars_are_built_once_with_a_word_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jars = (
        "engine/lib/statefun-flink-distribution-1.jar broker/lib/kafka_2.jar engine/lib/pointsman-engine.jar"
    )
    maven(tmp_path, f"mkdir -p engine/lib broker/lib; touch {jars}", monkeypatch)
    said: list[str] = []
    assert ensure(said.append).built
    assert ensure(said.append).built
    assert len(said) == 1


def test_a_build_that_was_cut_short_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = maven(tmp_path, "exit 0", monkeypatch)
    fill(files)
    files.unfinished.touch()
    assert not files.built
    assert ensure().built


def test_a_failed_build_shows_what_maven_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven(tmp_path, "echo no route to the repository; exit 1", monkeypatch)
    with pytest.raises(StackError, match="no route to the repository"):
        ensure()


def test_without_maven_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven(tmp_path, "", monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="apt-get install -y maven"):
        ensure()
