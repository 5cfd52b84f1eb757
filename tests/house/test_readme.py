from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from pointsman.cli.main import app
from tests.house.tree import ROOT, files

BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LANGUAGES = {"console", "python", "json", "yaml", "text", "proto", "dockerfile"}
DOCUMENTS = [path for path in files(".md") if path.name != "CHANGELOG.md"]


def _blocks(document: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(document.read_text())


def _commands(document: Path) -> list[list[str]]:
    """Return the words of each command in the document's console blocks, prompt and output left out."""
    lines = [
        line for language, block in _blocks(document) if language == "console" for line in block.splitlines()
    ]
    return [line.removeprefix("$ ").split() for line in lines if re.match(r"(\$ |make |pointsman )", line)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_says_what_it_is(document: Path) -> None:
    assert {language for language, _ in _blocks(document)} <= LANGUAGES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_goal_and_every_command_it_shows_exists(document: Path) -> None:
    goals = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = set(getattr(get_command(app), "commands", {}))
    shown = _commands(document)
    assert {words[1] for words in shown if words[0] == "make" and len(words) > 1} <= goals
    assert {words[1] for words in shown if words[0] == "pointsman" and len(words) > 1} <= known


def test_make_help_names_every_goal_a_newcomer_needs() -> None:
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"check", "test", "demo", "bench"} <= set(re.findall(r"make (\w+)", printed))
