"""When the engine starts with its archive of classes, and when that is written anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pointsman.localstack.class_archive import ClassArchive


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClassArchive:
    """Return the archive of a folder with one jar, beside a jcmd that writes what it is asked for."""
    program = tmp_path / "bin" / "jcmd"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\ntouch "$4"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    lib = tmp_path / "lib"
    lib.mkdir()
    (lib / "job.jar").write_bytes(b"")
    return ClassArchive(lib)


def test_it_is_used_once_it_is_written(archive: ClassArchive) -> None:
    assert not archive.is_fresh()
    assert "-XX:+RecordDynamicDumpInfo" in archive.options()
    archive.write(1)
    assert archive.is_fresh()
    assert archive.options()[0].startswith("-XX:SharedArchiveFile=")


def test_a_new_jar_asks_for_a_new_one(archive: ClassArchive, tmp_path: Path) -> None:
    archive.write(1)
    later = (tmp_path / "classes.jsa").stat().st_mtime + 10
    os.utime(tmp_path / "lib" / "job.jar", (later, later))
    assert not archive.is_fresh()


def test_without_jcmd_there_is_none(archive: ClassArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    archive.write(1)
    assert not archive.is_fresh()
