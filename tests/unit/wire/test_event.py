"""Events as JSON lines."""

from __future__ import annotations

import json

from pointsman.core.events import Ack, VersionEvent
from pointsman.errors import ABORTED, Failure
from pointsman.wire.event import event_to_json


def test_an_ack_says_what_was_done() -> None:
    assert json.loads(event_to_json(Ack("c1", "m", 3, "split", "ci"), 77)) == {
        "type": "ack",
        "ok": True,
        "command": "c1",
        "model": "m",
        "epoch": 3,
        "kind": "split",
        "actor": "ci",
        "repeated": False,
        "at_ms": 77,
    }


def test_a_refusal_says_why() -> None:
    event = json.loads(
        event_to_json(Ack("c1", "m", 0, error=Failure(ABORTED, "moved on", "expected_epoch")), 77)
    )
    assert event["ok"] is False
    assert event["epoch"] == 0
    assert event["error"] == {"code": ABORTED, "message": "moved on", "field": "expected_epoch"}


def test_a_version_says_its_state_and_reason() -> None:
    event = json.loads(event_to_json(VersionEvent("m", "1", "FAILED", 9, "no é"), 77))
    assert event == {
        "type": "version",
        "model": "m",
        "version": "1",
        "state": "FAILED",
        "epoch": 9,
        "reason": "no é",
        "at_ms": 77,
    }
