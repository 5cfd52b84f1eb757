"""Which checkpoint a restarted engine takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pointsman.localstack.checkpoints import newest_first, set_aside


def checkpoint(folder: Path, job: str, number: int, at_s: int, *, complete: bool = True) -> Path:
    path = folder / job / f"chk-{number}"
    path.mkdir(parents=True)
    if complete:
        (path / "_metadata").write_bytes(b"x")
        os.utime(path / "_metadata", (at_s, at_s))
    return path


def test_the_newest_complete_one_comes_first(tmp_path: Path) -> None:
    old = checkpoint(tmp_path, "a", 7, 100)
    new = checkpoint(tmp_path, "a", 8, 101)
    checkpoint(tmp_path, "a", 9, 102, complete=False)
    assert newest_first(tmp_path) == [new, old]


def test_time_decides_between_runs_and_not_the_number(tmp_path: Path) -> None:
    abandoned = checkpoint(tmp_path, "a", 50, 100)
    later = checkpoint(tmp_path, "b", 12, 200)
    assert newest_first(tmp_path) == [later, abandoned]


def test_one_that_a_running_job_deletes_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, kept = checkpoint(tmp_path, "a", 7, 100), checkpoint(tmp_path, "a", 8, 101)
    stat = Path.stat

    def deleted(path: Path, **options: bool) -> os.stat_result:
        if path == gone / "_metadata":
            path.unlink()
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", deleted)
    assert newest_first(tmp_path) == [kept]


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert newest_first(tmp_path) == []


def test_one_set_aside_is_kept_but_not_chosen(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    bad = checkpoint(folder, "a", 8, 101)
    good = checkpoint(folder, "a", 7, 100)
    kept = set_aside(bad)
    assert (kept / "_metadata").exists()
    assert newest_first(folder) == [good]
