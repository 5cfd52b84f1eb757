"""docker-compose.yml as values: what Docker would make of the file, for the part of its language it uses."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$(?:\$|\{(\w+):-([^}]*)\})")


class Build(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an image is built from."""

    context: str
    dockerfile: str


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a service is found healthy; `test` starts with CMD."""

    test: list[str]
    interval: str
    timeout: str
    retries: int


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a service may start."""

    condition: str


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One service. An unknown field fails: the test would not know what Docker does with it."""

    image: str
    restart: str
    build: Build | None = None
    entrypoint: list[str] | None = None
    command: list[str] | None = None
    environment: dict[str, str] = {}
    volumes: list[str] = []
    ports: list[str] = []
    depends_on: dict[str, Condition] = {}
    healthcheck: Health | None = None

    def mounts(self) -> dict[str, str]:
        """Return the sources of its volumes by their path in the container."""
        parts = [volume.split(":") for volume in self.volumes]
        return {part[1]: part[0] for part in parts}


class Composition(msgspec.Struct, frozen=True):
    """The file."""

    services: dict[str, Service]
    volumes: dict[str, None]


def read(variables: Mapping[str, str] = os.environ) -> Composition:
    """Return the composition with `${NAME:-default}` and `$$` replaced, as Docker does before it looks."""
    document = yaml.safe_load(FILE.read_text())
    return msgspec.convert(_substitute(document, variables), Composition, strict=False)


def _substitute(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _substitute(each, variables) for name, each in value.items()}
    if isinstance(value, list):
        return [_substitute(each, variables) for each in value]
    if not isinstance(value, str):
        return str(value) if isinstance(value, int) else value
    return _VARIABLE.sub(lambda found: variables.get(found[1]) or found[2] if found[1] else "$", value)
