"""Control records to commands: JSON or YAML text, or protobuf."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from pointsman.core.commands import (
    Apply,
    Body,
    Command,
    Promote,
    Register,
    Retire,
    Rollback,
    SetLabels,
    SetPolicy,
    SetSplit,
)
from pointsman.core.spec import NAMED, WEIGHT_SCALE, Limits, ModelSpec, Route, VersionSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.v1 import routing_pb2 as pb
from pointsman.wire.duration import milliseconds
from pointsman.wire.quantities import in_numbers
from pointsman.wire.spec import spec_from_pb
from pointsman.wire.state import route_from_pb
from pointsman.wire.text import Unreadable, tree_from_text

_STEP = re.compile(r"\[\.\.\.\]|[^.\[\]]+")
_LACKING = re.compile(r"(?:unknown|required) field `([^`]*)`")


class RouteText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `route` of a model file; weights are decimals."""

    split: dict[str, float] = {}
    sticky: str | bool = "unit"
    features: tuple[str, ...] = ()
    output: str = ""
    experiment: str = ""


class LimitsText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `limits` of a model file; the deadline is `2s`, `500ms` or a number of milliseconds."""

    max_inflight: int = 0
    deadline: str | int = 0


class ModelText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model file."""

    versions: dict[str, VersionSpec]
    model: str = ""
    route: RouteText = RouteText()
    labels: dict[str, str] = {}
    limits: LimitsText = LimitsText()
    policy: str = NAMED


class PromoteText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `promote` says: the version, and the labels that go with it."""

    version: str
    labels: tuple[str, ...] = ()


class RollbackText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `rollback` says: nothing, or the epoch of a deployment."""

    to: int = 0


class CommandText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command line: exactly one of the fields from `apply` on."""

    model: str = ""
    id: str = ""
    expected_epoch: int | None = None
    actor: str = ""
    apply: ModelText | None = None
    register: dict[str, VersionSpec] | None = None
    split: dict[str, float] | None = None
    label: dict[str, str] | None = None
    retire: tuple[str, ...] | None = None
    promote: PromoteText | None = None
    rollback: RollbackText | None = None
    policy: str | None = None


class Malformed(Exception):
    """The text is no command; `failure` says what is wrong where."""

    def __init__(self, failure: Failure, command_id: str = "", model: str = "") -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.command_id = command_id
        self.model = model


def command_from_text(value: bytes, fallback_id: str) -> Command:
    """Return the command of a JSON or YAML text; raises Malformed.

    A model file (with `versions` at the top) is an apply of itself. `fallback_id` names a command that
    brought no id.
    """
    tree = _tree(value)
    if "versions" in tree:
        meta: dict[str, Any] = {
            key: tree.pop(key) for key in ("id", "expected_epoch", "actor") if key in tree
        }
        tree = {**meta, "model": tree.get("model", ""), "apply": tree}
    said_id, said_model = (tree.get(key) if isinstance(tree.get(key), str) else "" for key in ("id", "model"))
    try:
        _read_quantities(tree)
        return _command(msgspec.convert(tree, CommandText), fallback_id)
    except msgspec.ValidationError as error:
        raise Malformed(_located(tree, str(error)), said_id or fallback_id, said_model or "") from error
    except Malformed as error:
        raise Malformed(error.failure, said_id or fallback_id, said_model or "") from error


def command_from_protobuf(value: bytes, fallback_id: str) -> Command:
    """Return the command of a ControlCommand message; raises Malformed."""
    try:
        message = pb.ControlCommand.FromString(value)
    except DecodeError as error:
        failure = Failure(INVALID_ARGUMENT, "the value is not a ControlCommand in protobuf")
        raise Malformed(failure, fallback_id) from error
    try:
        body = _body(message)
    except Malformed as error:
        raise Malformed(error.failure, message.id or fallback_id, message.model) from error
    expected = message.expected_epoch if message.HasField("expected_epoch") else None
    model = message.model or message.apply.model
    return Command(message.id or fallback_id, model, body, expected, message.actor)


def _body(message: pb.ControlCommand) -> Body:
    body: Body
    match message.WhichOneof("command"):
        case "apply":
            body = Apply(_model_from_pb(message.apply, message.model))
        case "register":
            body = Register(_specs_from_pb(message.register.versions))
        case "split":
            body = SetSplit({weight.version: weight.weight for weight in message.split.weights})
        case "label":
            body = SetLabels(dict(message.label.labels))
        case "retire":
            body = Retire(tuple(message.retire.versions))
        case "promote":
            body = Promote(message.promote.version, tuple(message.promote.labels))
        case "rollback":
            body = Rollback(message.rollback.to)
        case "policy":
            body = SetPolicy(message.policy)
        case _:
            raise Malformed(Failure(INVALID_ARGUMENT, _ONE_OF, "command"))
    return body


_ONE_OF = "a command holds exactly one of apply, register, split, label, retire, promote, rollback, policy"


def _specs_from_pb(messages: Mapping[str, pb.VersionSpec]) -> dict[str, VersionSpec]:
    return {name: spec_from_pb(spec) for name, spec in messages.items()}


def _model_from_pb(message: pb.ModelSpec, model: str) -> ModelSpec:
    return ModelSpec(
        _agreed(message.model, model),
        _specs_from_pb(message.versions),
        route_from_pb(message.route),
        dict(message.labels),
        Limits(message.limits.max_inflight, message.limits.deadline_ms),
        message.policy or NAMED,
    )


def _tree(value: bytes) -> dict[str, Any]:
    try:
        return tree_from_text(value)
    except Unreadable as error:
        raise Malformed(Failure(INVALID_ARGUMENT, str(error))) from error


def _read_quantities(tree: dict[str, Any]) -> None:
    applied = tree.get("apply")
    versions = applied.get("versions") if isinstance(applied, dict) else None
    fault = in_numbers(versions, "versions") or in_numbers(tree.get("register"), "register")
    if fault is not None:
        raise Malformed(fault)


def _located(tree: dict[str, Any], error: str) -> Failure:
    """Return the failure with the field to blame, as the author wrote it."""
    reason, _, path = error.partition(" - at `$")
    steps = _named(tree, error, _STEP.findall(path.rstrip("`")))
    steps += _LACKING.findall(reason)
    if steps[:1] == ["apply"] and steps[1:]:
        steps = steps[1:]  # a model file is an apply of itself, and its author wrote no `apply`
    field = ".".join(steps)
    return Failure(INVALID_ARGUMENT, f"{field}: {reason}" if field else reason, field)


def _named(tree: dict[str, Any], error: str, steps: list[str]) -> list[str]:
    """Put the keys in the place of `[...]`, which is all that msgspec says of a dict's entry."""
    named: list[str] = []
    for step in steps:
        keys = _node(tree, named) if step == "[...]" else ()
        named.append(next((key for key in keys if _is_blamed(tree, [*named, key], error)), step.strip("[]")))
    return named


def _node(tree: Any, steps: list[str]) -> Any:
    for step in steps:
        tree = tree[int(step) if isinstance(tree, list) else step]
    return tree


def _is_blamed(tree: dict[str, Any], steps: list[str], error: str) -> bool:
    """Whether the tree with only this entry of its dict has the same error."""
    try:
        msgspec.convert(_narrowed(tree, steps), CommandText)
    except msgspec.ValidationError as found:
        return str(found) == error
    return False


def _narrowed(tree: Any, steps: list[str]) -> Any:
    step, *rest = steps
    if not rest:
        return {step: tree[step]}
    if isinstance(tree, list):
        return [_narrowed(tree[int(step)], rest)]
    return {**tree, step: _narrowed(tree[step], rest)}


def _command(text: CommandText, fallback_id: str) -> Command:
    bodies = list(_bodies(text))
    if len(bodies) != 1:
        raise Malformed(Failure(INVALID_ARGUMENT, _ONE_OF, "command"))
    model = text.model or (text.apply.model if text.apply is not None else "")
    return Command(text.id or fallback_id, model, bodies[0], text.expected_epoch, text.actor)


def _bodies(text: CommandText) -> Iterator[Body]:
    if text.apply is not None:
        yield Apply(_model(text.apply, text.model))
    if text.register is not None:
        yield Register(text.register)
    if text.split is not None:
        yield SetSplit(_weights(text.split, "split"))
    if text.label is not None:
        yield SetLabels(text.label)
    if text.retire is not None:
        yield Retire(text.retire)
    if text.promote is not None:
        yield Promote(text.promote.version, text.promote.labels)
    if text.rollback is not None:
        yield Rollback(text.rollback.to)
    if text.policy is not None:
        yield SetPolicy(text.policy)


def _model(text: ModelText, model: str) -> ModelSpec:
    split = _weights(text.route.split, "route.split")
    if not split and len(text.versions) == 1 and text.policy == NAMED:
        split = {next(iter(text.versions)): WEIGHT_SCALE}
    route = Route(
        split, _sticky(text.route.sticky), text.route.features, text.route.output, text.route.experiment
    )
    limits = Limits(text.limits.max_inflight, _milliseconds(text.limits.deadline))
    name = _agreed(text.model, model)
    return ModelSpec(name, dict(text.versions), route, dict(text.labels), limits, text.policy)


def _agreed(described: str, model: str) -> str:
    """Return the name that a file and its command agree on; empty where neither says one."""
    if described and model and described != model:
        message = f"the command is for {model!r}, its file describes {described!r}"
        raise Malformed(Failure(INVALID_ARGUMENT, message, "model"))
    return described or model


def _sticky(value: str | bool) -> bool:
    if value not in ("unit", "request", True, False):
        raise Malformed(Failure(INVALID_ARGUMENT, "route.sticky is `unit` or `request`", "route.sticky"))
    return value in ("unit", True)


def _weights(decimals: dict[str, float], field: str) -> dict[str, int]:
    weights = {}
    for version, weight in decimals.items():
        try:
            scaled = Decimal(str(weight)) * WEIGHT_SCALE
            weights[version] = int(scaled)
            exact = scaled == weights[version]
        except (InvalidOperation, OverflowError, ValueError):
            exact = False
        if not exact:
            message = f"{field}.{version}: a weight is a number with at most 4 decimals, not {weight}"
            raise Malformed(Failure(INVALID_ARGUMENT, message, f"{field}.{version}"))
    return weights


def _milliseconds(deadline: str | int) -> int:
    if isinstance(deadline, int):
        return deadline
    found = milliseconds(deadline)
    if found is None:
        message = f"limits.deadline: {deadline!r} is not a duration such as 2s or 500ms"
        raise Malformed(Failure(INVALID_ARGUMENT, message, "limits.deadline"))
    return found
