"""A running gateway follows its file of keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.errors import SettingsError
from pointsman.gateway.keyring import Keyring
from tests.unit.gateway.keys import Clock, key, write


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.jsonl"
    write(path, key("ada"), key("grace", rate=5))
    return path


def test_a_key_is_found_by_its_text_and_by_nothing_else(file: Path) -> None:
    keyring = Keyring(file, Clock())
    assert keyring.find("grace-text") == key("grace", rate=5)
    for text in ("grace", "grace-text ", "", key("grace").hash, "x" * 10**6, "\ud800"):
        assert keyring.find(text) is None


def test_a_change_takes_hold_within_a_second(file: Path) -> None:
    clock = Clock()
    keyring = Keyring(file, clock)
    write(file, key("grace", rate=7), key("new"))
    clock.pass_s(0.999)
    assert keyring.find("ada-text") is None
    assert keyring.find("new-text") == key("new")
    assert keyring.find("grace-text") == key("grace", rate=7)


def test_the_file_is_looked_at_twice_a_second_and_no_more(file: Path) -> None:
    clock = Clock()
    keyring = Keyring(file, clock)
    write(file)
    clock.pass_s(0.499)
    assert keyring.find("ada-text") == key("ada")
    clock.pass_s(0.001)
    assert keyring.find("ada-text") is None


def test_a_file_that_did_not_change_is_not_read_again(file: Path) -> None:
    clock = Clock()
    keyring = Keyring(file, clock)
    clock.pass_s(60)
    keyring.find("ada-text")
    assert keyring.readings == 1


@pytest.mark.parametrize("how", ["broken", "gone"])
def test_a_file_that_cannot_be_read_leaves_the_keys_and_is_logged_once(
    file: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    keyring = Keyring(file, clock)
    if how == "broken":
        file.write_bytes(b"{broken\n")
    else:
        file.unlink()
    for _ in range(5):
        clock.pass_s(1)
        assert keyring.find("ada-text") == key("ada")
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "the 2 keys read before stay" in record.message
    write(file, key("new"))
    clock.pass_s(1)
    assert keyring.find("ada-text") is None
    assert keyring.find("new-text") == key("new")


def test_a_gateway_does_not_start_with_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"keys file .*none\.jsonl: No such file or directory"):
        Keyring(tmp_path / "none.jsonl", Clock())


def test_an_empty_file_lets_nobody_in(file: Path) -> None:
    file.write_bytes(b"")
    assert Keyring(file, Clock()).find("ada-text") is None
