"""Markdown pages as their blocks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(r"^```(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+\.\w+)\n")
# What differs from run to run: epochs, ports, times, sizes of batches.
_VOLATILE = re.compile(r"(?<=epoch )\d+|(?<=port )\d+|(?<=batch of )\d+|\d+(?:\.\d+)?(?= ?m?s\b)")
_FRAME = re.compile(r"[\s\u2500-\u257f]+")


class Block(NamedTuple):
    """A fenced block. `follows` says that nothing but space parts it from the block before."""

    language: str
    body: str
    follows: bool

    @property
    def file(self) -> str:
        """The file that the block is, by its first line; empty where it is none."""
        named = _FILE.match(self.body)
        return named[1] if named else ""


class Step(NamedTuple):
    """A command and the lines of its output that the page shows."""

    command: str
    shown: list[str]


def blocks(page: str, section: str = "") -> list[Block]:
    """Return the blocks of a page, or of its section with this title."""
    text = (ROOT / page).read_text()
    if section:
        found = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert found, f"{page} has no section {section!r}"
        text = found[1]
    made, end = [], -1
    for match in _BLOCK.finditer(text):
        made.append(Block(match[1], match[2], end >= 0 and not text[end : match.start()].strip()))
        end = match.end()
    return made


def steps(block: Block) -> list[Step]:
    """Return the commands of a console block: after `$ ` with their output, or else a line each."""
    lines = block.body.replace("\\\n", "").splitlines()
    if not any(line.startswith("$ ") for line in lines):
        return [Step(line, []) for line in lines if line and not line.startswith("#")]
    made: list[Step] = []
    for line in lines:
        if line.startswith("$ "):
            made.append(Step(line[2:], []))
        else:
            made[-1].shown.append(line)
    return made


def unseen(shown: list[str], output: str) -> list[str]:
    """Return the shown lines that the output does not have in this order, volatile numbers apart.

    A line with nothing but dots stands for any lines.
    """
    rest = iter([_plain(line) for line in output.splitlines()])
    wanted = [line for line in map(_plain, shown) if line.strip(".…")]
    return [line for line in wanted if line not in rest]


def _plain(line: str) -> str:
    return _VOLATILE.sub("#", _FRAME.sub(" ", line).strip())
