"""Orders to a stack in another process, and where a job's life began."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from pointsman.errors import StackError
from pointsman.localstack import orders, origin, record, savepoint
from pointsman.localstack.assembly import pools_of
from pointsman.localstack.home import Home
from pointsman.localstack.module import snapshots_only
from pointsman.localstack.orders import Order
from pointsman.localstack.origin import Origin
from pointsman.localstack.record import StackRecord


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    return made


def checkpoint(home: Home, number: int, at_ns: int) -> Path:
    folder = home.checkpoints / "job" / f"chk-{number}"
    folder.mkdir(parents=True)
    (folder / "_metadata").touch()
    os.utime(folder / "_metadata", ns=(at_ns, at_ns))
    return folder


def saved(folder: Path) -> Path:
    folder.mkdir()
    (folder / "_metadata").touch()
    return folder


def test_the_newest_checkpoint_is_the_first_choice(home: Home) -> None:
    older, newer = checkpoint(home, 9, 1_000), checkpoint(home, 2, 2_000)
    assert origin.choices(home) == [newer, older]


def test_what_is_older_than_the_origin_belongs_to_another_life(home: Home, tmp_path: Path) -> None:
    checkpoint(home, 1, 1_000)
    path = saved(tmp_path / "savepoint")
    origin.save(home, Origin(str(path), 1_500))
    assert origin.choices(home) == [path]
    newer = checkpoint(home, 2, 2_000)
    assert origin.choices(home) == [newer, path]
    origin.save(home, Origin("", 3_000))
    assert origin.choices(home) == []


def test_a_savepoint_that_is_gone_matters_only_while_nothing_came_after_it(
    home: Home, tmp_path: Path
) -> None:
    origin.save(home, Origin(str(tmp_path / "gone"), 1_500))
    with pytest.raises(StackError, match="there is no savepoint in"):
        origin.choices(home)
    newer = checkpoint(home, 2, 2_000)
    assert origin.choices(home) == [newer]


def test_a_damaged_origin_is_no_guess(home: Home) -> None:
    checkpoint(home, 1, 1_000)
    home.origin.write_bytes(b"{")
    with pytest.raises(StackError, match="unreadable"):
        origin.choices(home)


@pytest.mark.parametrize("before", [None, Origin("/before", 7)])
def test_a_beginning_that_fails_leaves_the_old_one(home: Home, before: Origin | None) -> None:
    if before is not None:
        origin.save(home, before)

    def fail() -> None:
        with origin.begun(home, Origin("/after", 8)):
            assert origin.load(home) == Origin("/after", 8)
            raise StackError("no")

    with pytest.raises(StackError, match="no"):
        fail()
    assert origin.load(home) == (before or Origin())


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_savepoint_is_named_by_its_folder(tmp_path: Path, form: str) -> None:
    path = saved(tmp_path / "a b")
    assert savepoint.find(form.format(path)) == path
    with pytest.raises(StackError, match="did you mean"):
        savepoint.find(form.format(tmp_path))


def test_an_order_to_no_stack_is_refused(home: Home) -> None:
    with pytest.raises(StackError, match="no stack runs"):
        orders.give(home, Order("rebuild"))
    assert not home.order.exists()


def test_one_order_at_a_time(home: Home) -> None:
    me = os.getpid()
    running = StackRecord(me, record.start_ticks(me), "k", "r", "", phase="ready")
    record.save(home, running)
    home.order.write_bytes(msgspec.json.encode(Order("rebuild")))
    with pytest.raises(StackError, match="does another"):
        orders.give(home, Order("rebuild"))
    orders.forget(home)
    assert not list(home.path.glob("order*"))


def test_a_job_of_snapshots_reads_nothing_else() -> None:
    text = (Path(__file__).parents[3] / "module.yaml").read_text()
    made = snapshots_only(text)
    assert "pointsman/requests" not in made.replace("pointsman.requests", "")
    assert "pointsman.control\n" not in made
    assert made.count("valueType: pointsman.v1/Snapshot") == made.count("valueType: pointsman.v1/Word") == 1
    assert "pointsman.v1/Status" not in made


def test_pools_are_read_once_and_none_is_named_twice() -> None:
    assert pools_of(("a", "b:2")) == {"a": 1, "b": 2}
    with pytest.raises(Exception, match="names a pool twice"):
        pools_of(("a", "a:2"))
