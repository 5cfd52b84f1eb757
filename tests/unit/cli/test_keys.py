"""`pointsman keys`: what it prints and what it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from pointsman.cli.keys import keys
from pointsman.errors import SettingsError
from pointsman.gateway import keyfile
from pointsman.gateway.key import hash_of


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys.jsonl"
    monkeypatch.delenv("POINTSMAN_SETTINGS", raising=False)
    monkeypatch.setenv("POINTSMAN_KEYS", str(path))
    return path


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(keys, arguments)
    if isinstance(result.exception, SettingsError):
        raise result.exception
    return result


def records(*arguments: str) -> list[dict[str, Any]]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return [msgspec.json.decode(line) for line in result.stdout.splitlines()]


def test_a_key_is_printed_once_and_the_file_has_its_hash(file: Path) -> None:
    text, note = run("create", "ada").stdout.splitlines()
    assert "shown this once" in note
    (kept,) = keyfile.read(file)
    assert (kept.name, kept.hash) == ("ada", hash_of(text))
    assert text not in file.read_text()
    assert text not in run("list").stdout


def test_every_limit_is_written_and_listed(file: Path) -> None:
    limits = ("--models", "digits,fraud-*", "--rate", "2.5", "--burst", "9", "--concurrency", "4")
    (made,) = records("create", "ada", *limits, "--may-control")
    (kept,), (listed,) = keyfile.read(file), records("list")
    assert made.pop("key").startswith("pm_")
    assert made == listed
    assert kept.models == ("digits", "fraud-*")
    assert (kept.rate, kept.burst, kept.concurrency, kept.may_control) == (2.5, 9, 4, True)


def test_two_keys_are_never_the_same() -> None:
    assert records("create", "ada")[0]["key"] != records("create", "grace")[0]["key"]


def test_a_revoked_key_is_gone(file: Path) -> None:
    for name in ("ada", "grace"):
        run("create", name)
    assert records("revoke", "ada") == [{"name": "ada", "revoked": True}]
    assert [key.name for key in keyfile.read(file)] == ["grace"]


def test_an_option_names_another_file_than_the_setting(file: Path, tmp_path: Path) -> None:
    run("create", "ada", "--keys", str(tmp_path / "other.jsonl"))
    assert not file.exists()
    assert [key.name for key in keyfile.read(tmp_path / "other.jsonl")] == ["ada"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "Ada"), "'Ada' is no name for a key"),
        (("create", "ada", "--models", ","), "a key needs a model"),
        (("create", "ada", "--models", "A*"), r"'A\*' is no pattern"),
        (("create", "ada", "--rate", "-1"), "rate"),
        (("create", "ada", "--rate", "nan"), "rate"),
        (("create", "ada", "--burst", "5"), "set the rate"),
        (("revoke", "ada"), "no key is named 'ada'"),
        (("list",), "No such file"),
    ],
)
def test_a_mistake_is_an_error_that_names_it_and_writes_nothing(
    file: Path, arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        run(*arguments)
    assert not file.exists()


def test_without_a_file_it_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POINTSMAN_KEYS")
    with pytest.raises(SettingsError, match="--keys, or set POINTSMAN_KEYS"):
        run("list")
