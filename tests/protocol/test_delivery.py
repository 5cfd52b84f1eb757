"""By which egress answers and dead letters leave: one decision, made by the router, for both."""

from __future__ import annotations

import pytest

from pointsman.errors import SettingsError
from pointsman.outputs import ONCE, OUT
from pointsman.pb.v1 import serving_pb2
from pointsman.settings import Settings
from pointsman.statefun.protocol import TASKS
from pointsman.statefun.router_fn import RouterFunction
from pointsman.topics import DEAD_LETTERS, EVENTS, ROUTES
from tests.protocol.world import MODEL, Router, Shard, asked

OUTPUTS = ("ledger:exactly-once", "loose")


def serving(output: str) -> Router:
    """Return a router whose route names an output."""
    return Router(outputs=OUTPUTS).serving({**MODEL, "route": {"split": {"1": 1}, "output": output}})


@pytest.mark.parametrize(("output", "egress"), [("ledger", ONCE), ("loose", OUT)])
def test_a_refusal_and_its_dead_letter_leave_together(output: str, egress: str) -> None:
    reply = serving(output).ask(asked("a", version="9"))
    assert [(record.topic, record.egress) for record in reply.records] == [
        (output, egress),
        (DEAD_LETTERS, egress),
    ]


@pytest.mark.parametrize(("output", "egress"), [("ledger", ONCE), ("loose", OUT)])
def test_the_router_tells_the_shard_by_which_egress_to_answer(output: str, egress: str) -> None:
    (sent,) = [one for one in serving(output).ask(asked("a")).sent if one.typename == TASKS]
    assert serving_pb2.TaskBatch.FromString(sent.value).egress == egress


def test_an_answer_and_a_dead_letter_of_a_shard_leave_by_the_tasks_egress() -> None:
    reply = Shard().serve(asked(), asked(timeout_ms=0), egress=ONCE, output="ledger")
    assert {record.egress for record in reply.records} == {ONCE}
    late = Shard().serve(asked(), egress=ONCE, output="ledger", deadline_ms=1)
    assert [(record.topic, record.egress) for record in late.records] == [
        ("ledger", ONCE),
        (DEAD_LETTERS, ONCE),
    ]


def test_a_task_of_an_older_router_is_answered_at_least_once() -> None:
    assert {record.egress for record in Shard().serve(asked()).records} == {OUT}


def test_tables_and_events_are_never_held_back_by_a_transaction() -> None:
    reply = Router(outputs=("pointsman.responses:exactly-once",)).obey(MODEL)
    assert {(record.topic, record.egress) for record in reply.records} == {(EVENTS, OUT), (ROUTES, OUT)}


def test_a_router_with_a_bad_output_does_not_start() -> None:
    with pytest.raises(SettingsError, match="TOPIC"):
        RouterFunction(Settings(outputs=("ledger:sometimes",)))
