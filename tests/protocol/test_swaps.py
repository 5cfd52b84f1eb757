"""A swap and its way back, as requests and commands see them at the router."""

from __future__ import annotations

from pointsman.pb.v1.routing_pb2 import FAILED, READY, WARMING
from pointsman.topics import ROUTES
from pointsman.wire.state import table_from_bytes
from tests.protocol.world import Router, asked, events, tasks

FIRST = {"model": "digits", "versions": {"1": {"uri": "python:a:V1"}}, "labels": {"stable": "1"}}


def published(router: Router, version: str) -> None:
    router.obey({"register": {version: {"uri": f"python:a:V{version}"}}}, offset=int(version))


def served_by(router: Router, **fields: str) -> set[str]:
    """Return the versions that a few requests go to."""
    reply = router.ask(*(asked(f"r{number}", **fields) for number in range(20)))
    return {target.split("~")[1] for target in tasks(reply.sent)}


def test_each_published_version_takes_over_when_it_is_ready_and_not_before() -> None:
    router = Router().serving({**FIRST, "labels": {}})
    router.obey({"policy": "latest(1)"}, offset=1)
    published(router, "2")
    router.hear({"1": READY, "2": WARMING})
    assert served_by(router) == {"1"}
    told = events(router.hear({"1": READY, "2": READY}))
    assert [(event["version"], event["state"]) for event in told] == [("1", "DRAINING"), ("2", "READY")]
    assert served_by(router) == {"2"}
    published(router, "3")
    router.hear({"2": READY, "3": FAILED})
    assert served_by(router) == {"2"}


def test_what_a_label_or_a_fallback_names_answers_on_after_it_was_replaced() -> None:
    router = Router().serving(FIRST)
    router.obey({"policy": "latest(1)"}, offset=1)
    published(router, "2")
    router.obey({"register": {"3": {"uri": "python:a:V3", "fallback": "2"}}}, offset=3)
    router.hear({"1": READY, "2": READY, "3": READY})
    assert (served_by(router), served_by(router, label="stable")) == ({"3"}, {"1"})
    router.hear({"1": READY, "2": READY, "3": WARMING})
    assert served_by(router, version="3") == {"2"}


def test_a_label_that_was_promoted_goes_to_the_new_version_when_it_is_ready() -> None:
    router = Router().serving(FIRST)
    published(router, "2")
    (ack,) = events(router.obey({"promote": {"version": "2", "labels": ["stable"]}}, offset=3))
    assert (ack["ok"], ack["kind"]) == (True, "promote")
    assert served_by(router, label="stable") == served_by(router) == {"1"}
    router.hear({"1": READY, "2": READY})
    assert served_by(router, label="stable") == served_by(router) == {"2"}
    router.obey({"rollback": {}}, offset=4)
    assert served_by(router, label="stable") == served_by(router) == {"1"}


def test_the_history_travels_with_the_table() -> None:
    router = Router().serving(FIRST)
    published(router, "2")
    router.hear({"1": READY, "2": READY})
    (record,) = router.obey({"promote": {"version": "2"}, "actor": "ann"}, offset=3).to(ROUTES)
    last = table_from_bytes(record.value).deployments[-1]
    assert (last.epoch, last.at_ms, last.actor) == (router.table.epoch, router.now, "ann")


def test_the_acknowledgement_says_what_a_retirement_costs() -> None:
    router = Router().serving(FIRST)
    published(router, "2")
    router.hear({"1": READY, "2": READY})
    router.obey({"promote": {"version": "2", "labels": ["stable"]}}, offset=3)
    ack = next(event for event in events(router.obey({"retire": ["1"]}, offset=4)) if event["type"] == "ack")
    assert "no rollback to epoch" in ack["note"]
    (ack,) = events(router.obey({"rollback": {}}, offset=5))
    assert (ack["error"]["code"], ack["error"]["field"]) == ("FAILED_PRECONDITION", "rollback.1")
