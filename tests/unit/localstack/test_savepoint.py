"""A savepoint is found even where the job's process has ended before it told of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pointsman.errors import StackError
from pointsman.localstack import savepoint
from pointsman.localstack.job import Asked, Job


class Ending(Job):
    """A job that takes the order, leaves `names` behind and never answers again."""

    def __init__(self, *names: str) -> None:
        super().__init__(0)
        self._names = names

    def begin_savepoint(self, folder: Path, *, cancel: bool) -> Asked:
        """Take the order, and end."""
        for name in self._names:
            (folder / name).parent.mkdir()
            (folder / name).touch()
        return Asked("/jobs/abcdef0123/savepoints/1", "savepoint-abcdef-")

    def savepoint(self, asked: Asked) -> Path | None:
        """Answer nothing."""
        return None


def take(job: Job, folder: Path, *, cancel: bool = True) -> Path:
    return asyncio.run(savepoint.take(job, "", folder, cancel=cancel, within_s=60, has_ended=lambda: True))


@pytest.fixture(autouse=True)
def _no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(savepoint, "cluster_of", lambda _kafka: "a-cluster")


def test_it_is_found_in_the_folder_where_the_process_ended_with_the_job(tmp_path: Path) -> None:
    earlier = tmp_path / "savepoint-abcdef-0"
    earlier.mkdir()
    (earlier / "_metadata").touch()
    job = Ending("savepoint-123456-1/_metadata", "savepoint-abcdef-2/state", "savepoint-abcdef-3/_metadata")
    path = take(job, tmp_path)
    assert path == tmp_path / "savepoint-abcdef-3"
    savepoint.check(path, "")


@pytest.mark.parametrize(
    ("left", "cancel"), [("savepoint-abcdef-1/state", True), ("savepoint-abcdef-1/_metadata", False)]
)
def test_a_process_that_ended_before_it_was_whole_is_an_error_at_once(
    tmp_path: Path, left: str, cancel: bool
) -> None:
    with pytest.raises(StackError, match="the engine ended before the savepoint was done"):
        take(Ending(left), tmp_path, cancel=cancel)
