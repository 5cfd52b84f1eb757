"""Commands and pods' words at the router."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pointsman.core.ids import INTERACTIVE_SHARD
from pointsman.core.table import VersionState
from pointsman.core.uri import data_of, data_uri
from pointsman.errors import ABORTED, INVALID_ARGUMENT, NOT_FOUND
from pointsman.pb.v1 import routing_pb2, serving_pb2
from pointsman.pb.v1.ingress_pb2 import Header
from pointsman.pb.v1.routing_pb2 import FAILED, LOADING, READY
from pointsman.statefun.protocol import CONTROL, HANDLE, REQUESTS, STATUS, TICK
from pointsman.testing.engine import batch, ingress
from pointsman.topics import EVENTS, ROUTES
from pointsman.wire.state import table_from_bytes
from tests.protocol.world import JSON, MODEL, PROTOBUF, Router, asked, control, events, said, tasks


def acks(router: Router, *commands: dict[str, Any]) -> list[dict[str, Any]]:
    reply = router.call((CONTROL, batch(*[control(one, offset=n) for n, one in enumerate(commands, 1)])))
    return [event for event in events(reply) if event["type"] == "ack"]


def test_an_apply_is_acknowledged_and_its_table_published_and_a_timer_armed() -> None:
    router = Router()
    reply = router.obey({**MODEL, "id": "c1", "actor": "ci"})
    ack = events(reply)[-1]
    assert (ack["type"], ack["ok"], ack["command"], ack["kind"], ack["actor"]) == (
        "ack",
        True,
        "c1",
        "apply",
        "ci",
    )
    (snapshot,) = reply.to(ROUTES)
    assert snapshot.key == "digits"
    assert table_from_bytes(snapshot.value) == router.table
    assert ack["epoch"] == router.table.epoch
    (tick,) = reply.sent
    assert (tick.target, tick.typename, tick.delay_ms) == ("pointsman/router/digits", TICK, 5_000)
    assert {event["state"] for event in events(reply)[:-1]} == {"LOADING"}


def test_every_event_and_snapshot_lies_under_the_models_key() -> None:
    assert {record.key for record in Router().obey(MODEL).records} == {"digits"}


def test_only_the_first_command_arms_the_timer() -> None:
    router = Router()
    router.obey(MODEL)
    assert router.obey({"model": "digits", "split": {"1": 1}}, offset=1).sent == []


def test_a_repeated_command_is_acknowledged_and_changes_nothing() -> None:
    router = Router()
    router.obey({**MODEL, "id": "same"})
    epoch = router.table.epoch
    reply = router.obey({**MODEL, "id": "same"})
    (ack,) = events(reply)
    assert (ack["ok"], ack["repeated"], ack["epoch"]) == (True, True, epoch)
    assert reply.to(ROUTES) == []
    assert router.table.epoch == epoch


def test_a_command_without_id_is_named_after_its_place() -> None:
    router = Router()
    assert events(router.obey(MODEL, offset=9))[-1]["command"] == "pointsman.control-0-9"
    assert events(router.obey(MODEL, offset=9))[-1]["repeated"]
    assert not events(router.obey(MODEL, offset=10))[-1]["repeated"]


def test_commands_of_one_batch_are_obeyed_in_order() -> None:
    router = Router().serving()
    start = router.table.epoch
    found = acks(
        router,
        {"model": "digits", "split": {"1": 1}},
        {"model": "digits", "expected_epoch": start, "split": {"2": 1}},
        {"model": "digits", "expected_epoch": start + 1, "label": {"stable": "2"}},
    )
    assert [ack["ok"] for ack in found] == [True, False, True]
    assert found[1]["error"]["code"] == ABORTED
    assert (router.table.route.split, router.table.labels) == ({"1": 10_000}, {"stable": "2"})


def test_a_change_of_weights_goes_live_within_its_call() -> None:
    router = Router().serving()
    change = control({"model": "digits", "split": {"2": 1}}, offset=5)
    before, after = [asked(f"a{n}", unit=f"u{n}") for n in range(50)], [asked(f"b{n}") for n in range(50)]
    reply = router.call((REQUESTS, batch(*before)), (CONTROL, batch(change)), (REQUESTS, batch(*after)))
    by_version: dict[str, list[str]] = {"1": [], "2": []}
    for target, ids in tasks(reply.sent).items():
        by_version[target.split("~")[1]] += ids
    assert all(request[0] == "a" for request in by_version["1"])
    assert [request for request in by_version["2"] if request[0] == "b"] == [f"b{n}" for n in range(50)]


@pytest.mark.parametrize(
    ("command", "code", "field"),
    [
        ({"model": "digits", "split": {"1": -1}}, INVALID_ARGUMENT, "split.1"),
        ({"model": "digits", "split": {"1": 0, "2": 0}}, INVALID_ARGUMENT, "split"),
        ({"model": "digits", "split": {"9": 1}}, NOT_FOUND, "split.9"),
        ({"model": "digits", "split": {"1": "ninety"}}, INVALID_ARGUMENT, "split.1"),
        ({"model": "digits", "split": {"1": 1}, "retire": ["1"]}, INVALID_ARGUMENT, "command"),
        ({"model": "wine", "split": {"1": 1}}, INVALID_ARGUMENT, "key"),
        ({"model": "a/b", "split": {"1": 1}}, INVALID_ARGUMENT, "model"),
        ({"model": "..", "split": {"1": 1}}, INVALID_ARGUMENT, "model"),
        ({"model": "n" * 300, "split": {"1": 1}}, INVALID_ARGUMENT, "model"),
        (b"nonsense", INVALID_ARGUMENT, ""),
        (b"", INVALID_ARGUMENT, ""),
        (b"\x00\x00\x00\x00\x01avro", INVALID_ARGUMENT, ""),
    ],
)
def test_a_bad_command_is_refused_by_field_and_changes_nothing(command: Any, code: str, field: str) -> None:
    router = Router().serving()
    before = router.table
    reply = router.obey(command, offset=3)
    (refusal,) = events(reply)
    assert (refusal["ok"], refusal["error"]["code"], refusal["error"]["field"]) == (False, code, field)
    assert refusal["command"] == "pointsman.control-0-3"
    assert msgspec.structs.replace(router.table, obeyed=before.obeyed) == before
    assert (reply.to(ROUTES), reply.sent) == ([], [])


@pytest.mark.parametrize("uri", ["file:///" + "x" * 5_000, "file://[", "file:///a%00b"])
def test_an_artifact_that_no_file_can_be_is_refused_by_its_field(uri: str) -> None:
    router = Router(check_artifacts=True)
    versions = {"1": {"uri": uri}}
    ack = events(router.call((CONTROL, batch(control({"id": "c1", "apply": {"versions": versions}})))))[-1]
    assert (ack["ok"], ack["command"]) == (False, "c1")
    assert ack["error"]["field"] == "versions.1.uri"


def test_an_artifact_that_the_router_can_see_must_exist(tmp_path: Path) -> None:
    there = tmp_path / "a model.safetensors"
    there.write_bytes(b"x")
    versions: dict[str, Any] = {"1": {"uri": there.as_uri()}, "2": {"uri": (tmp_path / "missing").as_uri()}}
    router = Router(check_artifacts=True)
    (refusal,) = events(router.obey({"model": "digits", "versions": versions, "route": {"split": {"1": 1}}}))
    assert (refusal["error"]["code"], refusal["error"]["field"]) == (NOT_FOUND, "versions.2.uri")
    versions["2"] = {"uri": there.as_uri(), "before": [{"use": "text", "uri": "file:///missing"}]}
    desired = {"model": "digits", "versions": versions, "route": {"split": {"1": 1}}}
    (refusal,) = events(router.obey(desired, offset=2))
    assert (refusal["error"]["code"], refusal["error"]["field"]) == (NOT_FOUND, "versions.2.before.0.uri")
    del versions["2"]
    assert events(router.obey({"model": "digits", "versions": versions}, offset=1))[-1]["ok"]


def test_a_second_uri_under_one_version_is_refused() -> None:
    router = Router().serving()
    (refusal,) = events(
        router.obey({**MODEL, "versions": {"1": {"uri": "python:b:B"}}, "route": {}}, offset=4)
    )
    assert refusal["error"]["field"] == "versions.1.uri"


def test_a_command_for_nobody_in_particular_goes_to_its_models_router() -> None:
    stray = Router("_")
    record = control(b'{"model": "digits", "split": {"1": 50, "2": 50}}', key=b"", offset=2)
    reply = stray.call((CONTROL, batch(record)))
    (sent,) = reply.sent
    assert (sent.target, sent.typename, reply.records) == ("pointsman/router/digits", CONTROL, [])
    router = Router().serving()
    ack = events(router.call((sent.typename, sent.value)))[-1]
    assert (ack["ok"], ack["command"]) == (True, "pointsman.control-0-2")
    assert router.table.route.split == {"1": 500_000, "2": 500_000}


def test_a_command_without_model_and_key_is_refused_under_the_name_of_nobody() -> None:
    reply = Router("_").call((CONTROL, batch(control(b'{"split": {"1": 1}}', key=b""))))
    (record,) = reply.to(EVENTS)
    assert (record.key, json.loads(record.value)["error"]["field"]) == ("_", "model")


def test_a_command_without_model_takes_the_model_of_its_key() -> None:
    router = Router().serving()
    assert events(router.obey({"split": {"1": 1}}, offset=3))[-1]["ok"]


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_model_file_without_a_name_takes_that_of_its_key(wrapped: bool) -> None:
    router = Router()
    file = {name: value for name, value in MODEL.items() if name != "model"}
    router.obey({"apply": file} if wrapped else file)
    assert router.table.model == "digits"
    assert set(router.table.versions) == {"1", "2"}


def test_a_file_for_another_model_does_not_change_the_model_of_its_key() -> None:
    (ack,) = acks(Router(), {"apply": {**MODEL, "model": "wine"}})
    assert (ack["ok"], ack["model"], ack["error"]["field"]) == (False, "wine", "key")


@pytest.mark.parametrize(
    "declared",
    [
        {"format": PROTOBUF},
        {"format": 0, "headers": [Header(key="Content-Type", value=b"application/x-protobuf")]},
    ],
    ids=["topic", "header"],
)
def test_a_command_may_come_as_protobuf(declared: dict[str, Any]) -> None:
    router = Router().serving()
    message = routing_pb2.ControlCommand(id="c9", split={"weights": [{"version": "2", "weight": 7}]})
    record = ingress(message.SerializeToString(), topic="pointsman.control", key=b"digits", **declared)
    ack = events(router.call((CONTROL, batch(record))))[-1]
    assert (ack["ok"], ack["command"], router.table.route.split) == (True, "c9", {"2": 7})


def test_a_refused_command_spoils_no_neighbour() -> None:
    router = Router().serving()
    records = [control(b"{", offset=1), control({"split": {"2": 1}}, offset=2), control(b"\xff", offset=3)]
    assert [
        event["ok"] for event in events(router.call((CONTROL, batch(*records)))) if event["type"] == "ack"
    ] == [False, True, False]


def test_a_ready_version_gets_its_handles_before_its_first_tasks() -> None:
    router = Router()
    router.obey(MODEL)
    ready = said(router.table, {"1": READY, "2": READY})
    reply = router.call((STATUS, batch(ready)), (REQUESTS, batch(*[asked(f"r{n}") for n in range(40)])))
    for version in ("1", "2"):
        to_version = [sent for sent in reply.sent if f"digits~{version}~" in sent.target]
        handles = [sent.target for sent in to_version if sent.typename == HANDLE]
        assert handles == [f"models/default/digits~{version}~{shard}" for shard in (0, 1, INTERACTIVE_SHARD)]
        assert [sent.typename for sent in to_version[:3]] == [HANDLE] * 3
        assert len(to_version) > 3
    handle = serving_pb2.Handle.FromString(reply.sent[0].value)
    assert (handle.model, handle.version, handle.generation) == (
        "digits",
        "1",
        router.table.versions["1"].generation,
    )
    assert handle.spec.uri == "python:a:One"
    assert {(event["version"], event["state"]) for event in events(reply)} == {("1", "READY"), ("2", "READY")}
    assert len(reply.to(ROUTES)) == 1


def test_no_file_that_lies_in_the_table_travels_with_the_calls_of_a_shard() -> None:
    files = {name: data_uri(f"content of {name}".encode() * 99, "a.json") for name in ("m", "x", "y", "w")}
    digest = {name: hashlib.sha256(data_of(uri)).hexdigest() for name, uri in files.items()}
    step = {"use": "words", "uri": files["w"], "sha256": digest["w"]}
    one = {"uri": files["m"], "runtime": "onnx", "sha256": digest["m"], "before": [step]}
    one |= {"example": files["x"], "example_sha256": digest["x"]}
    one |= {"expect": files["y"], "expect_sha256": digest["y"]}
    router = Router()
    router.obey({"model": "digits", "versions": {"1": one}})
    handles = [sent.value for sent in router.hear({"1": READY}).sent if sent.typename == HANDLE]
    assert len(handles) == 3
    assert max(map(len, handles)) < 600
    assert router.table.versions["1"].spec.example == files["x"]


def test_a_repeated_word_says_nothing_new() -> None:
    router = Router().serving()
    reply = router.hear({"1": READY, "2": READY})
    assert (reply.sent, reply.records) == ([], [])


def test_a_new_serving_option_hands_over_again_to_every_shard() -> None:
    router = Router().serving()
    wider = {"1": {"uri": "python:a:One", "concurrency": 3}, "2": {"uri": "python:a:Two"}}
    reply = router.obey({**MODEL, "versions": wider}, offset=6)
    assert [sent.target for sent in reply.sent if sent.typename == HANDLE] == [
        f"models/default/digits~1~{shard}" for shard in (0, 1, 2, INTERACTIVE_SHARD)
    ]


def test_a_failed_version_is_told_with_its_reason() -> None:
    router = Router()
    router.obey(MODEL)
    status = serving_pb2.PodStatus(pod="p1", pool="default", model="digits", at_ms=router.now)
    generation = router.table.versions["1"].generation
    status.held.add(version="1", generation=generation, state=FAILED, reason="the digest differs")
    reply = router.call((STATUS, batch(ingress(status.SerializeToString(), topic="pointsman.status"))))
    (event,) = events(reply)
    assert (event["version"], event["state"], event["reason"]) == ("1", "FAILED", "the digest differs")


@pytest.mark.parametrize(
    "word",
    [
        {"pool": "gpu"},
        {"model": "wine"},
        {"leaving": True},
        {"at_ms": 1_000_000 - 60_001},
    ],
    ids=["another pool", "another model", "leaving", "history"],
)
def test_a_word_that_does_not_count_makes_nothing_ready(word: dict[str, Any]) -> None:
    router = Router()
    router.obey(MODEL)
    router.hear({"1": READY, "2": READY}, **word)
    assert {entry.state for entry in router.table.versions.values()} == {VersionState.LOADING}


def test_a_leaving_pod_takes_its_versions_along() -> None:
    router = Router().serving()
    router.hear({"1": READY}, pod="p2")
    reply = router.hear({}, leaving=True)
    assert {(event["version"], event["state"]) for event in events(reply)} == {("2", "UNREACHABLE")}


def test_foreign_bytes_on_the_status_topic_spoil_no_neighbour() -> None:
    router = Router()
    router.obey(MODEL)
    good = said(router.table, {"1": READY, "2": LOADING})
    bad = [ingress(value, topic="pointsman.status") for value in (b"\xff\xff", None, b"{}")]
    router.call((STATUS, batch(bad[0], bad[1], good, bad[2])))
    assert router.table.versions["1"].state is VersionState.READY


def test_the_old_version_drains_when_its_last_request_is_reported() -> None:
    router = Router().serving()
    first = router.table.versions["1"]
    router.ask(asked("r1", version="1"))
    only_two = {"model": "digits", "versions": {"2": {"uri": "python:a:Two"}}}
    router.obey(only_two, offset=7)
    assert router.table.versions["1"].state is VersionState.DRAINING
    report = serving_pb2.BatchReport(version="1", generation=first.generation, shard=0, done=1)
    reply = router.call(("pointsman.v1/BatchReport", report.SerializeToString()))
    assert set(router.table.versions) == {"2"}
    assert [(event["version"], event["state"]) for event in events(reply)] == [("1", "RETIRED")]
    assert {totals.version for totals in router.arms.shards} <= {"2"}


def test_json_text_is_read_where_the_topic_says_so() -> None:
    assert control({}).format == JSON


def test_a_command_finds_no_pod_silent_though_its_word_is_old() -> None:
    router = Router().serving()
    router.now += 20_000
    router.obey({"model": "digits", "split": {"1": 1}}, offset=9)
    assert {entry.state for entry in router.table.versions.values()} == {VersionState.READY}
