from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.runtimes.base import Key
from pointsman.runtimes.quarantine import GUILTY_S, LOOK_S, MOST, STRIKE_S, SUSPECTED_S, Quarantine

KEY, OTHER = Key("digits", "1", 3), Key("digits", "2", 3)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["shared", "alone"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "shared" else ""


def test_a_version_is_held_for_its_term(folder: str, clock: Clock) -> None:
    quarantine = Quarantine(folder, clock)
    quarantine.hold([KEY], SUSPECTED_S)
    assert quarantine.holds(KEY)
    assert not quarantine.holds(OTHER)
    quarantine.hold([KEY], GUILTY_S)
    quarantine.hold([KEY], SUSPECTED_S)  # no term is cut
    clock.now += GUILTY_S - 1
    assert quarantine.holds(KEY)
    clock.now += 1
    assert not quarantine.holds(KEY)


def test_one_strike_is_nobodys_fault_and_two_are_a_suspicion(folder: str, clock: Clock) -> None:
    quarantine = Quarantine(folder, clock)
    quarantine.strike([KEY, OTHER])
    assert not quarantine.holds(KEY)
    clock.now += STRIKE_S - 1
    quarantine.strike([KEY])
    assert quarantine.holds(KEY)
    assert not quarantine.holds(OTHER)


def test_strikes_far_apart_are_chance(folder: str, clock: Clock) -> None:
    quarantine = Quarantine(folder, clock)
    for _ in range(3):
        quarantine.strike([KEY])
        clock.now += STRIKE_S
        assert not quarantine.holds(KEY)


def test_all_who_share_the_folder_know(tmp_path: Path, clock: Clock) -> None:
    here, there = Quarantine(str(tmp_path), clock), Quarantine(str(tmp_path), clock)
    assert not there.holds(KEY)
    here.hold([KEY], SUSPECTED_S)
    clock.now += LOOK_S
    assert there.holds(KEY)
    there.hold([OTHER], SUSPECTED_S)
    clock.now += LOOK_S
    assert here.holds(OTHER)
    assert Quarantine(str(tmp_path), clock).holds(KEY)


def test_it_stays_small(tmp_path: Path, clock: Clock) -> None:
    quarantine = Quarantine(str(tmp_path), clock)
    quarantine.hold([Key("m", str(number), 1) for number in range(MOST + 500)], SUSPECTED_S)
    clock.now += 1
    quarantine.hold([KEY], SUSPECTED_S)
    assert quarantine.holds(KEY)
    clock.now += GUILTY_S
    quarantine.hold([OTHER], SUSPECTED_S)
    assert (tmp_path / "quarantine.json").stat().st_size < 100


def test_a_clock_that_was_set_back_holds_nobody_for_ever(tmp_path: Path, clock: Clock) -> None:
    Quarantine(str(tmp_path), clock).hold([KEY], GUILTY_S)
    clock.now -= 1_000_000
    quarantine = Quarantine(str(tmp_path), clock)
    assert quarantine.holds(KEY)
    clock.now += GUILTY_S
    assert not quarantine.holds(KEY)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[]", b'{"a":1}'])
def test_an_unreadable_file_is_replaced(tmp_path: Path, clock: Clock, content: bytes) -> None:
    (tmp_path / "quarantine.json").write_bytes(content)
    quarantine = Quarantine(str(tmp_path), clock)
    assert not quarantine.holds(KEY)
    quarantine.hold([KEY], SUSPECTED_S)
    assert Quarantine(str(tmp_path), clock).holds(KEY)


def test_what_cannot_be_written_is_remembered(tmp_path: Path, clock: Clock) -> None:
    quarantine = Quarantine(str(tmp_path / "absent"), clock)
    quarantine.hold([KEY], SUSPECTED_S)
    assert quarantine.holds(KEY)
