"""Control text and messages to commands, and what is said of those that are none."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.commands import (
    Apply,
    Command,
    Promote,
    Register,
    Retire,
    Rollback,
    SetLabels,
    SetPolicy,
    SetSplit,
)
from pointsman.core.spec import Limits, ModelSpec, VersionSpec
from pointsman.errors import INVALID_ARGUMENT
from pointsman.pb.v1 import routing_pb2 as pb
from pointsman.wire.control import Malformed, command_from_protobuf, command_from_text
from pointsman.wire.spec import spec_to_pb
from pointsman.wire.state import route_to_pb
from pointsman.wire.text import MAX_NODES, MAX_TEXT_BYTES, MAX_YAML_BYTES

FILE = """
model: digits
versions:
  "1": {uri: file:///models/linear.safetensors, runtime: torch, factory: "pkg.digits:linear"}
  2: {uri: file:///models/cnn.safetensors, max_batch: 64, concurrency: 3, options: {width: "8"}}
route:
  split: {1: 90, "2": 10.5}
  sticky: unit
labels: {stable: "1", canary: "2"}
limits: {max_inflight: 2000, deadline: 2s}
"""


def read(text: str | bytes | dict[str, Any]) -> Command:
    value = (
        json.dumps(text).encode()
        if isinstance(text, dict)
        else text.encode()
        if isinstance(text, str)
        else text
    )
    return command_from_text(value, "control-0-7")


def error(text: str | bytes | dict[str, Any]) -> Malformed:
    with pytest.raises(Malformed) as caught:
        read(text)
    assert caught.value.failure.code == INVALID_ARGUMENT
    return caught.value


def applied(command: Command) -> ModelSpec:
    assert isinstance(command.body, Apply)
    return command.body.spec


def test_a_model_file_is_an_apply_of_itself() -> None:
    command = read(FILE)
    spec = applied(command)
    assert (command.id, command.model, spec.model) == ("control-0-7", "digits", "digits")
    assert spec.route.split == {"1": 900_000, "2": 105_000}
    assert spec.labels == {"stable": "1", "canary": "2"}
    assert spec.limits == Limits(2_000, 2_000)
    assert (spec.versions["2"].max_batch, spec.versions["2"].concurrency) == (64, 3)
    assert (spec.versions["2"].options, spec.versions["1"].pool) == ({"width": "8"}, "default")


def test_json_and_yaml_say_the_same() -> None:
    tree = yaml.safe_load(FILE)
    tree["versions"] = {str(name): version for name, version in tree["versions"].items()}
    tree["route"]["split"] = {str(name): weight for name, weight in tree["route"]["split"].items()}
    assert read(tree) == read(FILE) == read({"model": "digits", "apply": {**tree, "model": ""}})


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ('{"model": "digits", "split": {"1": 50, "2": 50}}', SetSplit({"1": 500_000, "2": 500_000})),
        ("{model: digits, split: {1: 50, 2: 50}}", SetSplit({"1": 500_000, "2": 500_000})),
        ("model: digits\nsplit: {1: 0.0001, 2: 0}", SetSplit({"1": 1, "2": 0})),
        ('{"model": "digits", "label": {"stable": "2", "old": ""}}', SetLabels({"stable": "2", "old": ""})),
        ('{"model": "digits", "retire": ["1", "2"]}', Retire(("1", "2"))),
        ('{"model": "digits", "promote": {"version": "2"}}', Promote("2")),
        ("{model: digits, promote: {version: '2', labels: [stable]}}", Promote("2", ("stable",))),
        ('{"model": "digits", "rollback": {}}', Rollback()),
        ('{"model": "digits", "rollback": {"to": 7}}', Rollback(7)),
        ("{model: digits, policy: latest(2)}", SetPolicy("latest(2)")),
        ("{model: digits, register: {3: {uri: 'python:a:B'}}}", Register({"3": VersionSpec("python:a:B")})),
    ],
)
def test_one_line_is_a_command(text: str, body: object) -> None:
    command = read(text)
    assert (command.model, command.body, command.expected_epoch) == ("digits", body, None)


def test_a_command_may_bring_id_epoch_and_actor() -> None:
    command = read({"model": "m", "id": "c1", "expected_epoch": 7, "actor": "ci", "retire": ["1"]})
    assert (command.id, command.expected_epoch, command.actor) == ("c1", 7, "ci")
    command = read({"model": "m", "id": "c2", "actor": "ci", "versions": {"1": {"uri": "python:a:B"}}})
    assert (command.id, command.actor) == ("c2", "ci")


def test_the_only_version_of_a_file_needs_no_split() -> None:
    assert applied(read({"model": "m", "versions": {"1": {"uri": "python:a:B"}}})).route.split == {
        "1": 10_000
    }
    assert applied(read({"model": "m", "versions": {}})).route.split == {}


def test_a_file_says_its_policy_and_leaves_the_split_to_it() -> None:
    spec = applied(read({"model": "m", "policy": "latest(2)", "versions": {"1": {"uri": "python:a:B"}}}))
    assert (spec.policy, spec.route.split) == ("latest(2)", {})
    assert applied(read({"model": "m", "versions": {}})).policy == "named"


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("2s", 2_000), ("500ms", 500), ("1.5 min", 90_000), ("1h", 3_600_000), (250, 250), (0, 0)],
)
def test_a_deadline_is_a_duration_or_milliseconds(text: str | int, milliseconds: int) -> None:
    tree = {"model": "m", "versions": {"1": {"uri": "u"}}, "limits": {"deadline": text}}
    assert applied(read(tree)).limits.deadline_ms == milliseconds


@pytest.mark.parametrize(
    ("sticky", "is_sticky"), [("unit", True), ("request", False), (True, True), (False, False)]
)
def test_sticky_is_by_unit_or_by_request(sticky: str | bool, is_sticky: bool) -> None:
    tree = {"model": "m", "versions": {"1": {"uri": "u"}}, "route": {"sticky": sticky}}
    assert applied(read(tree)).route.sticky is is_sticky


def version(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "versions": {"1": {"uri": "u"}, "1.0": {"uri": "u", **fields}}}


BLAMED: list[tuple[str | dict[str, Any], str]] = [
    ({"model": "m", "splt": {"1": 1}}, "splt"),
    ({"model": "m", "split": {"1": 1, "2": "10"}}, "split.2"),
    ({"model": "m", "split": {"1": True}}, "split.1"),
    ({"model": "m", "split": {"1": 0.12345}}, "split.1"),
    ({"model": "m", "split": [1]}, "split"),
    ("model: m\nsplit: {1: 5, 2: .nan}", "split.2"),
    ("model: m\nsplit: {1: .inf}", "split.1"),
    ("model: m\nsplit: {1: 0x" + "f" * 300 + "}", "split.1"),
    ("model: m\nlabel: {a: '1', stable: 1}", "label.stable"),
    ({"model": "m", "register": {"1": {"runtime": "torch"}}}, "register.1.uri"),
    ({"model": "m", "register": ["1"]}, "register"),
    ({"model": "m", "retire": "1"}, "retire"),
    ({"model": "m", "retire": ["1", 2]}, "retire.1"),
    ({"model": "m"}, "command"),
    ({"model": "m", "split": {"1": 1}, "retire": ["1"]}, "command"),
    ({"model": 7, "retire": ["1"]}, "model"),
    ({"model": "m", "apply": {"model": "other", "versions": {}}}, "model"),
    ({"model": "m", "expected_epoch": "7", "retire": []}, "expected_epoch"),
    (version(maxbatch=3), "versions.1.0.maxbatch"),
    (version(max_batch="3"), "versions.1.0.max_batch"),
    (version(memory="much"), "versions.1.0.memory"),
    (version(memory="512"), "versions.1.0.memory"),
    (version(compute_timeout="soon"), "versions.1.0.compute_timeout"),
    (version(compute_timeout=1.5), "versions.1.0.compute_timeout"),
    ({"model": "m", "register": {"1": {"uri": "u", "memory": "-1GB"}}}, "register.1.memory"),
    (version(options={"a": "b", "width": 3}), "versions.1.0.options.width"),
    ({"model": "m", "versions": {"1": {}}}, "versions.1.uri"),
    ({"model": "m", "versions": {"1": {"uri": "u"}}, "labels": {"stable": 1}}, "labels.stable"),
    ({"model": "m", "versions": {"1": {"uri": "u"}}, "shadow": {}}, "shadow"),
    ({"model": "m", "versions": {"1": {"uri": "u"}}, "route": {"sticky": "user"}}, "route.sticky"),
    ({"model": "m", "versions": {"1": {"uri": "u"}}, "route": {"split": {"1": None}}}, "route.split.1"),
    ({"model": "m", "versions": {"1": {"uri": "u"}}, "limits": {"deadline": "soon"}}, "limits.deadline"),
    ({"model": "m", "versions": {"1": {"uri": "u"}}, "limits": {"deadline": "-2s"}}, "limits.deadline"),
    (
        {"model": "m", "versions": {"1": {"uri": "u"}}, "limits": {"deadline": "9" * 400 + "h"}},
        "limits.deadline",
    ),
]


@pytest.mark.parametrize(
    ("memory", "size"),
    [("512MiB", 2**29), ("1.5 GiB", 3 * 2**29), ("2GB", 2 * 10**9), ("100B", 100), (4096, 4096)],
)
def test_a_version_s_memory_and_time_are_written_as_people_do(memory: str | int, size: int) -> None:
    spec = {"uri": "u", "isolation": "process", "memory": memory, "compute_timeout": "1.5s"}
    command = read({"model": "m", "register": {"1": spec}})
    assert isinstance(command.body, Register)
    found = command.body.versions["1"]
    assert (found.memory, found.compute_timeout, found.isolation) == (size, 1_500, "process")


@pytest.mark.parametrize(("text", "field"), BLAMED, ids=[field for _, field in BLAMED])
def test_a_fault_names_its_field_as_the_author_wrote_it(text: str | dict[str, Any], field: str) -> None:
    failure = error(text).failure
    assert failure.field == field
    assert failure.message


def test_a_fault_tells_which_command_and_model_it_was() -> None:
    fault = error({"model": "m", "id": "c9", "split": {"1": "x"}})
    assert (fault.command_id, fault.model) == ("c9", "m")
    assert error({"split": {"1": "x"}}).command_id == "control-0-7"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "3",
        "[1, 2]",
        "just words",
        "a: [1, 2",
        "{",
        "a: !!timestamp foo",
        "a: !!int ''",
        "a: !!bool x",
        "a: !!python/object/apply:os.system [ls]",
        "? [1]\n: 2",
        'id: "\\ud800"\nmodel: m\nretire: []',
        "a: " + "[" * 500,
        "a: " + "[" * 9_000,
        '{"a": ' * 30_000,
        "a: &a {x: *a}",
        b"\x00\x00\x00\x00\x01avro",
        b'{"model": "\xff"}',
        b"\xff\xfe",
    ],
    ids=range(20),
)
def test_what_is_no_command_is_malformed_and_nothing_worse(text: str | bytes) -> None:
    assert error(text).failure.message


def test_the_billion_laughs_are_refused() -> None:
    names = "abcdefgh"
    lines = ["a: &a {x: 1}"] + [
        f"{name}: &{name} {{" + ", ".join(f"k{n}: *{before}" for n in range(9)) + "}"
        for before, name in pairwise(names)
    ]
    assert f"more than {MAX_NODES} values" in error("\n".join(lines)).failure.message


def test_a_text_that_is_repeated_without_end_is_refused() -> None:
    options = '{a: &a "' + "x" * 10_000 + '"' + "".join(f", k{number}: *a" for number in range(100)) + "}"
    text = f"model: m\nversions:\n  1: {{uri: u, options: {options}}}"
    assert len(text) < MAX_YAML_BYTES
    assert f"more than {MAX_TEXT_BYTES} bytes of text" in error(text).failure.message


def test_anchors_within_reason_are_welcome() -> None:
    versions = "  1: &base {uri: u, pool: gpu}\n  2: {<<: *base, max_batch: 4}"
    text = f"model: m\nversions:\n{versions}\nroute: {{split: {{1: 1}}}}"
    assert applied(read(text)).versions["2"].pool == "gpu"


@pytest.mark.parametrize("more", [0, 1])
def test_yaml_is_read_up_to_its_limit_and_json_beyond(more: int) -> None:
    line = "model: m\nretire: ['1'] #"
    text = line + "x" * (MAX_YAML_BYTES - len(line) + more)
    if more:
        assert "use JSON" in error(text).failure.message
    else:
        assert read(text).body == Retire(("1",))
    assert read({"model": "m", "actor": "x" * MAX_YAML_BYTES, "retire": ["1"]}).body == Retire(("1",))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
keys = st.sampled_from(
    [
        "model",
        "id",
        "split",
        "versions",
        "1",
        "uri",
        "route",
        "retire",
        "apply",
        "label",
        "limits",
        "promote",
        "rollback",
        "policy",
        "to",
    ]
)
trees = st.recursive(
    scalars, lambda part: st.lists(part, max_size=3) | st.dictionaries(keys, part, max_size=4)
)


@given(st.dictionaries(keys, trees, max_size=5) | trees, st.booleans())
def test_any_tree_is_a_command_or_malformed(tree: Any, is_yaml: bool) -> None:
    text = yaml.safe_dump(tree) if is_yaml else json.dumps(tree)
    try:
        command = command_from_text(text.encode(), "fallback")
    except Malformed as fault:
        fault.failure.message.encode()
    else:
        assert command.id


@given(st.text(max_size=40) | st.binary(max_size=40))
def test_any_text_is_a_command_or_malformed(text: str | bytes) -> None:
    with pytest.raises(Malformed):
        command_from_text(text.encode() if isinstance(text, str) else text, "fallback")


def test_protobuf_commands_say_the_same_as_text() -> None:
    spec = applied(read(FILE))
    message = pb.ControlCommand(id="c", model="digits", expected_epoch=0, actor="ci")
    message.apply.CopyFrom(
        pb.ModelSpec(
            versions={name: spec_to_pb(version) for name, version in spec.versions.items()},
            route=route_to_pb(spec.route),
            labels=spec.labels,
            limits=pb.Limits(max_inflight=2_000, deadline_ms=2_000),
        )
    )
    command = command_from_protobuf(message.SerializeToString(), "fallback")
    assert command == Command("c", "digits", Apply(spec), 0, "ci")


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (pb.ControlCommand(split={"weights": [{"version": "1", "weight": 5}]}), SetSplit({"1": 5})),
        (pb.ControlCommand(label={"labels": {"a": "1"}}), SetLabels({"a": "1"})),
        (pb.ControlCommand(retire={"versions": ["1"]}), Retire(("1",))),
        (pb.ControlCommand(promote={"version": "2", "labels": ["a"]}), Promote("2", ("a",))),
        (pb.ControlCommand(rollback={}), Rollback()),
        (pb.ControlCommand(rollback={"to": 7}), Rollback(7)),
        (pb.ControlCommand(policy="all"), SetPolicy("all")),
        (
            pb.ControlCommand(register={"versions": {"3": spec_to_pb(VersionSpec("python:a:B"))}}),
            Register({"3": VersionSpec("python:a:B")}),
        ),
    ],
    ids=["split", "label", "retire", "promote", "rollback", "to", "policy", "register"],
)
def test_imperative_commands_exist_in_protobuf(message: pb.ControlCommand, body: object) -> None:
    command = command_from_protobuf(message.SerializeToString(), "fallback")
    assert (command.id, command.body, command.expected_epoch) == ("fallback", body, None)


@pytest.mark.parametrize(
    "value", [b"\x00\x01", b"", pb.ControlCommand(id="c", model="m").SerializeToString()]
)
def test_what_is_no_protobuf_command_is_malformed(value: bytes) -> None:
    with pytest.raises(Malformed):
        command_from_protobuf(value, "fallback")


def test_a_command_is_for_the_model_that_its_file_names() -> None:
    assert read({"apply": {"model": "m", "versions": {}}}).model == "m"
    message = pb.ControlCommand(apply=pb.ModelSpec(model="m"))
    assert command_from_protobuf(message.SerializeToString(), "fallback").model == "m"


def test_a_file_for_another_model_is_malformed_in_protobuf_too() -> None:
    message = pb.ControlCommand(id="c", model="m", apply=pb.ModelSpec(model="other"))
    with pytest.raises(Malformed) as fault:
        command_from_protobuf(message.SerializeToString(), "fallback")
    assert (fault.value.failure.field, fault.value.command_id, fault.value.model) == ("model", "c", "m")
