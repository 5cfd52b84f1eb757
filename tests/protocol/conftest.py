"""Fixtures of the protocol tests."""

from __future__ import annotations

import pytest

from pointsman.core import pace
from pointsman.statefun import router_state
from tests.protocol.waiting import LIMIT


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no more than LIMIT requests of a model be in flight before the first measurement."""
    monkeypatch.setattr(router_state, "FIRST", LIMIT)
    monkeypatch.setattr(pace, "LEAST", LIMIT)
