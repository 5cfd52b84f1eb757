"""Rows: a list of instances, each one row of every input."""

from __future__ import annotations

from typing import Any

from pointsman.core.tensor import Item, Signature
from pointsman.wire.elements import Fault
from pointsman.wire.json_columns import column_of, is_value, only_input, spec_of
from pointsman.wire.json_sparse import DenseRoom


def item_of_rows(instances: list[Any], signature: Signature | None) -> Item:
    """Return the tensors of `instances`: bare values where the model has one input, else objects by name."""
    if not instances:
        raise Fault("instances", "must not be empty")
    room = DenseRoom()
    if not _are_named(instances, signature):
        name = only_input(signature, "instances", "objects")
        return {name: column_of(instances, spec_of(signature, name), "instances", room)}
    names = instances[0].keys()
    if any(instance.keys() != names for instance in instances):
        raise Fault("instances", "all objects must have the same names")
    return {
        name: column_of(
            [instance[name] for instance in instances], spec_of(signature, name), f"instances.{name}", room
        )
        for name in names
    }


def _are_named(instances: list[Any], signature: Signature | None) -> bool:
    if dict not in set(map(type, instances)):
        return False
    named = {isinstance(part, dict) and not is_value(part, signature) for part in instances}
    if len(named) > 1:
        raise Fault("instances", "either all are objects by input name or none is")
    return named.pop()
