"""The walks from nothing to an answer, typed as they stand on their pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.localstack.assembly import Plan
from pointsman.localstack.stack import Stack
from tests.readme.page import blocks
from tests.readme.terminal import Terminal


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield a running stack with the usual pod; the walks bring the others."""
    with Stack(tmp_path_factory.mktemp("the home"), plan=Plan(gateways=1)) as running:
        yield running


@pytest.fixture
def terminal(stack: Stack, tmp_path: Path) -> Iterator[Terminal]:
    """Yield a terminal in an empty folder; what was started in it ends with it."""
    made = Terminal(stack.home.path, tmp_path, stack.record.http)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    ("page", "section"),
    [
        ("README.md", "Your own model"),
        ("docs/own-pod.md", ""),
        ("docs/runtimes.md", "A model to begin with"),
    ],
)
def test_every_command_of_the_walk_works_and_prints_what_the_page_shows(
    terminal: Terminal, stack: Stack, page: str, section: str
) -> None:
    found = blocks(page, section)
    assert any("pointsman new " in block.body for block in found)
    for block, after in zip(found, [*found[1:], None], strict=True):
        is_output = after is not None and after.follows and after.language == "text"
        terminal.take(block, after.body.splitlines() if after is not None and is_output else [])
    assert stack.restarts() == 0, stack.failure()
