"""Settings of all tests: property-based ones draw the same examples on every run.

Each test is marked by its folder, and together they leave no process behind.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "pointsman",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("pointsman")

TESTS = Path(__file__).parent
MARK = "POINTSMAN_TEST_RUN"
GONE_WITHIN_S = 5.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the name of its folder: `pytest -m unit`."""
    for item in items:
        item.add_marker(item.path.relative_to(TESTS).parts[0])


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail when a process that the tests started, at whatever depth, outlives them."""
    token = secrets.token_hex(8)
    os.environ[MARK] = token  # handed on to every descendant
    yield
    limit = time.monotonic() + GONE_WITHIN_S
    while (left := _processes_with(f"{MARK}={token}".encode())) and time.monotonic() < limit:
        time.sleep(0.1)
    assert left == {}, "processes outlive the tests"


def _processes_with(variable: bytes) -> dict[int, str]:
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(folder.name) != os.getpid() and variable in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
    return found
