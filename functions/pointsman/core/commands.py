"""Control commands, as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec
import xxhash

from pointsman.core.spec import ModelSpec, VersionSpec


class Apply(msgspec.Struct, frozen=True, tag="apply"):
    """Make the model as described."""

    spec: ModelSpec


class Register(msgspec.Struct, frozen=True, tag="register"):
    """Add versions to those there are. The first of a model gets all its traffic, later ones none."""

    versions: Mapping[str, VersionSpec]


class SetSplit(msgspec.Struct, frozen=True, tag="split"):
    """Change the weights, in 1/WEIGHT_SCALE. Versions left out get no traffic."""

    weights: Mapping[str, int]


class SetLabels(msgspec.Struct, frozen=True, tag="label"):
    """Point labels at versions; an empty version removes the label."""

    labels: Mapping[str, str]


class Retire(msgspec.Struct, frozen=True, tag="retire"):
    """Drain and remove versions."""

    versions: tuple[str, ...]


class Promote(msgspec.Struct, frozen=True, tag="promote"):
    """Give a version all the traffic once it is ready, and then these labels."""

    version: str
    labels: tuple[str, ...] = ()


class Rollback(msgspec.Struct, frozen=True, tag="rollback"):
    """Bring back the split and labels of the deployment of an epoch; 0 is the one before the last."""

    to: int = 0


class SetPolicy(msgspec.Struct, frozen=True, tag="policy"):
    """Change which versions are kept: named, all or latest(n)."""

    policy: str


Body: TypeAlias = Apply | Register | SetSplit | SetLabels | Retire | Promote | Rollback | SetPolicy


class Command(msgspec.Struct, frozen=True):
    """One command. `expected_epoch` makes it fail with ABORTED when the table has moved on."""

    id: str
    model: str
    body: Body
    expected_epoch: int | None = None
    actor: str = ""


def command_hash(command_id: str) -> int:
    """Return the 64 bits by which a command is remembered."""
    return xxhash.xxh64_intdigest(command_id.encode())
