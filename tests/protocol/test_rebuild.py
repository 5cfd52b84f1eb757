"""A router that lost its state: a snapshot and the later commands make the table that it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.history import REBUILD_S
from pointsman.core.ids import INTERACTIVE_SHARD
from pointsman.core.table import RouteTable, VersionState
from pointsman.errors import NewerRelease
from pointsman.pb.v1 import ingress_pb2, routing_pb2, serving_pb2
from pointsman.pb.v1.routing_pb2 import FAILED, LOADING, READY
from pointsman.statefun.protocol import CONTROL, HANDLE, SNAPSHOT, TICK, WORD
from pointsman.testing.engine import Reply, batch, ingress
from pointsman.topics import ROUTES
from pointsman.wire.state import table_to_bytes
from tests.protocol.world import MODEL, Router, Shard, asked, control, events, taken

NAMES = ("1", "2", "3")
names = st.lists(st.sampled_from(NAMES), unique=True, max_size=3)
weights = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), max_size=3)
labels = st.dictionaries(st.sampled_from(("stable", "canary")), st.sampled_from(("", *NAMES)), max_size=2)
said = st.dictionaries(st.sampled_from(NAMES), st.sampled_from((LOADING, READY, READY, FAILED)), min_size=1)
bodies = st.one_of(
    st.builds(
        lambda chosen, split, label: {
            "apply": {
                "versions": {name: {"uri": f"python:a:V{name}"} for name in chosen},
                "route": {"split": split},
                "labels": {key: value for key, value in label.items() if value},
            }
        },
        names,
        weights,
        labels,
    ),
    st.fixed_dictionaries({"split": weights}),
    st.fixed_dictionaries({"label": labels}),
    st.fixed_dictionaries({"retire": names}),
    st.fixed_dictionaries({"promote": st.fixed_dictionaries({"version": st.sampled_from(NAMES)})}),
    st.just({"rollback": {}}),
    st.fixed_dictionaries({"policy": st.sampled_from(("named", "all", "latest(1)", "latest(2)"))}),
)
commands = st.tuples(bodies, st.booleans(), st.integers(0, 9))
steps = st.lists(
    st.one_of(
        commands, commands, st.tuples(st.sampled_from(("p1", "p2")), said), st.sampled_from((1, 20_000))
    ),
    min_size=1,
    max_size=25,
)


class Life:
    """A router, all that it was told, and the last snapshot that it wrote."""

    def __init__(self) -> None:
        self.router = Router()
        self.commands: list[ingress_pb2.Ingress] = []
        self.words: dict[str, dict[str, int]] = {}
        self.snapshot = b""

    @property
    def table(self) -> RouteTable:
        """The table; what was rebuilt says so, and that is no difference."""
        if self.router.address.state["table"][1] is None:
            return RouteTable("digits")
        return msgspec.structs.replace(self.router.table, history=())

    def live(self, step: Any) -> None:
        """Obey a command, hear a pod, or let time pass."""
        match step:
            case int():
                self.router.now += step
                self.keep(self.router.call((TICK, b"")))
            case (str(pod), said_now):
                self.words[pod] = said_now
                self.hear()
            case (body, is_keyless, number):
                command = {
                    "id": f"c{number}" if number < 3 else f"n{len(self.commands)}",
                    "model": "digits",
                    **body,
                }
                record = control(command, key=b"" if is_keyless else b"digits", offset=len(self.commands))
                self.commands.append(record)
                self.keep(self.router.call((CONTROL, batch(record))))

    def hear(self) -> None:
        """Let every pod repeat its word."""
        for pod, states in self.words.items():
            if self.router.address.state.get("table", ("", None))[1] is not None:
                held = {name: state for name, state in states.items() if name in self.router.table.versions}
                self.keep(self.router.hear(held, pod=pod))

    def keep(self, reply: Reply) -> None:
        """Keep the newest snapshot, as the compacted topic does."""
        for record in reply.to(ROUTES):
            self.snapshot = record.value

    def again(self) -> Life:
        """Return a life with an empty state that begins with the snapshot and reads all commands again."""
        second = Life()
        second.router.now, second.words = self.router.now, dict(self.words)
        second.commands = list(self.commands)
        second.router.call((CONTROL, batch()))
        if self.snapshot:
            second.snapshot = self.snapshot
            second.keep(second.router.call(snapshot_of(self.snapshot)))
        second.hear()
        if self.commands:
            second.keep(second.router.call((CONTROL, batch(*self.commands))))
        return second


def snapshot_of(value: bytes, offset: int = 5) -> tuple[str, bytes]:
    return SNAPSHOT, batch(ingress(value, topic=ROUTES, key=b"digits", offset=offset))


@given(steps, commands)
def test_whatever_happened_the_rebuilt_table_is_the_one_that_was_lost(
    history: Sequence[Any], then: Any
) -> None:
    first = Life()
    first.router.call((CONTROL, batch()))
    for step in history:
        first.live(step)
    first.hear()  # pods repeat themselves every two seconds
    second = first.again()
    assert second.table == first.table
    assert second.again().table == first.table, "it can be lost again"
    first.live(then)
    second.live(then)
    assert second.table == first.table, "both go on alike"


def serving() -> Life:
    """Return a life with versions 1 and 2 READY."""
    life = Life()
    life.live(({"apply": MODEL}, False, 9))
    life.words["p1"] = {"1": READY, "2": READY}
    life.hear()
    return life


def test_a_snapshot_serves_at_once_and_hands_its_versions_over() -> None:
    life = serving()
    fresh = Router()
    reply = fresh.call(snapshot_of(life.snapshot))
    assert {sent.target for sent in reply.sent if sent.typename == HANDLE} == {
        f"models/default/digits~{version}~{shard}" for version in "12" for shard in (0, 1, INTERACTIVE_SHARD)
    }
    (event,) = events(reply)
    assert (event["type"], event["kind"], event["epoch"]) == ("ack", "rebuild", life.table.epoch)
    assert reply.to(ROUTES) == [], "it is there already"
    assert taken(fresh.ask(asked("r"))) == ["r"]


def test_versions_stay_ready_until_their_pods_had_time_to_speak() -> None:
    life = serving()
    fresh = Router(silence_ms=10_000)
    (sent,) = [sent for sent in fresh.call(snapshot_of(life.snapshot)).sent if sent.typename == TICK]
    assert sent.delay_ms == REBUILD_S * 1000, "while others are read nobody is found silent"
    fresh.now += sent.delay_ms
    (sent,) = fresh.call((TICK, sent.value)).sent
    assert {entry.state for entry in fresh.table.versions.values()} == {VersionState.READY}
    for _ in range(2):
        fresh.now += 6_000
        (sent,) = [sent for sent in fresh.call((TICK, sent.value)).sent if sent.typename == TICK]
    assert {entry.state for entry in fresh.table.versions.values()} == {VersionState.UNREACHABLE}


def test_a_pods_word_between_two_snapshots_spoils_neither() -> None:
    life = Life()
    life.live(({"apply": MODEL}, False, 9))
    older = life.snapshot
    life.live(({"split": {"1": 1}}, False, 8))
    fresh = Router()
    fresh.call(snapshot_of(older))
    assert fresh.hear({"1": READY, "2": READY}, WORD).to(ROUTES) == []
    (event,) = events(fresh.call(snapshot_of(life.snapshot, offset=6)))
    assert (event["kind"], event["epoch"]) == ("rebuild", life.table.epoch)
    assert msgspec.structs.replace(fresh.table, history=()) == life.table
    fresh.hear({"1": READY, "2": READY})
    assert {entry.state for entry in fresh.table.versions.values()} == {VersionState.READY}


def test_the_last_snapshot_counts_where_a_killed_job_had_written_a_higher_epoch_before_it() -> None:
    first, second = serving(), serving()
    for share in (1, 2, 3):
        first.live(({"split": {"1": 1, "2": share}}, False, 9))
    second.live(({"split": {"2": 1}}, False, 9))
    assert first.table.epoch > second.table.epoch
    together, in_turn = Router(), Router()
    values = (first.snapshot, second.snapshot)
    records = (ingress(value, topic=ROUTES, key=b"digits", offset=at) for at, value in enumerate(values))
    (event,) = events(together.call((SNAPSHOT, batch(*records))))
    assert (event["epoch"], event["command"]) == (second.table.epoch, f"{ROUTES}-0-1")
    for value in values:
        in_turn.call(snapshot_of(value))
    for router in (together, in_turn):
        assert msgspec.structs.replace(router.table, history=()) == second.table


def test_a_router_that_went_on_meanwhile_finds_its_own_snapshot_and_nothing_follows() -> None:
    life = serving()
    life.live(({"split": {"1": 1}}, False, 9))
    before = life.table
    assert life.router.call(snapshot_of(life.snapshot)) == Reply([], [])
    assert life.table == before


@pytest.mark.parametrize("value", [b"", b"\xff nonsense", table_to_bytes(RouteTable("wine", 9))])
def test_what_is_no_snapshot_of_the_model_changes_nothing(value: bytes) -> None:
    fresh = Router()
    assert fresh.call(snapshot_of(value)) == Reply([], [])
    assert fresh.address.state["table"][1] is None


def test_history_is_passed_over_in_silence_and_what_came_later_is_obeyed() -> None:
    life = serving()
    later = control({"id": "later", "model": "digits", "split": {"1": 1}}, offset=len(life.commands))
    fresh = Router()
    fresh.call(snapshot_of(life.snapshot))
    reply = fresh.call((CONTROL, batch(*life.commands, later)))
    assert [event["command"] for event in events(reply)] == ["later"]
    assert fresh.table.epoch == life.table.epoch + 1


def test_a_command_without_a_key_that_was_overtaken_is_not_history() -> None:
    life = serving()
    first, second = len(life.commands), len(life.commands) + 1
    life.keep(life.router.obey({"id": "keyed", "model": "digits", "split": {"1": 1}}, offset=second))
    keyless = control({"id": "keyless", "model": "digits", "split": {"2": 1}}, key=b"", offset=first)
    fresh = Router()
    fresh.call(snapshot_of(life.snapshot))
    reply = fresh.call((CONTROL, batch(keyless)))
    assert [event["command"] for event in events(reply)] == ["keyless"]


def test_a_control_topic_that_begins_anew_is_obeyed() -> None:
    life = serving()
    fresh = Router()
    fresh.call(snapshot_of(life.snapshot))
    assert events(fresh.obey({"id": "a", "model": "digits", "split": {"1": 1}}, offset=70))[0]["ok"]
    assert events(fresh.obey({"id": "b", "model": "digits", "split": {"2": 1}}, offset=0))[0]["ok"]


def test_a_command_for_a_model_that_never_was_leaves_no_state() -> None:
    fresh = Router("nobody")
    fresh.obey({"model": "nobody", "split": {"1": 1}}, key=b"nobody", offset=7)
    assert fresh.address.state["table"][1] is None


NEWER = {
    "table": routing_pb2.RouteTable(model="digits", schema=2),
    "arms": serving_pb2.Arms(schema=2),
    "pods": serving_pb2.Pods(schema=2),
}


@pytest.mark.parametrize("name", NEWER)
def test_a_router_leaves_state_of_a_newer_release_to_a_newer_router(name: str) -> None:
    router = Router().serving()
    typename = router.address.state[name][0]
    router.address.state[name] = (typename, NEWER[name].SerializeToString())
    with pytest.raises(NewerRelease, match="schema 2"):
        router.hear({}) if name != "table" else router.ask(asked("r"))


@pytest.mark.parametrize(
    ("name", "newer"),
    [("handle", serving_pb2.Handle(schema=2)), ("totals", serving_pb2.BatchReport(schema=2))],
)
def test_a_pod_leaves_state_of_a_newer_release_to_a_newer_pod(name: str, newer: Any) -> None:
    shard = Shard()
    shard.serve(asked("r"))
    shard.address.state[name] = (shard.address.state[name][0], newer.SerializeToString())
    with pytest.raises(NewerRelease, match="schema 2"):
        shard.serve(asked("r"))
