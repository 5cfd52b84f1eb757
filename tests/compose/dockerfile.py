"""A Dockerfile as values, for the instructions that say what a container finds and runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template
from typing import NamedTuple

# What a base image sets and our files use.
BASES = {
    "apache/flink-statefun:3.3.0-java11": {
        "FLINK_HOME": "/opt/flink",
        "STATEFUN_MODULES": "/opt/statefun/modules",
    },
}


class Copy(NamedTuple):
    """One COPY: sources relative to the context, or to another stage; the target's absolute path."""

    sources: list[str]
    target: str
    stage: str
    """The stage it copies from; empty: the context."""


class Dockerfile(NamedTuple):
    """The last stage of a file."""

    base: str
    copies: list[Copy]
    environment: dict[str, str]
    user: str
    command: list[str]


def read(path: Path) -> Dockerfile:
    """Return the last stage of the Dockerfile at `path`."""
    base, user, workdir = "", "root", "/"
    copies: list[Copy] = []
    environment: dict[str, str] = {}
    command: list[str] = []
    for word, rest in _instructions(path.read_text()):
        if word == "FROM":
            base, copies, environment, user, workdir, command = rest.split()[0], [], {}, "root", "/", []
        elif word == "WORKDIR":
            workdir = rest
        elif word == "USER":
            user = rest
        elif word == "COPY":
            known = {**BASES.get(base, {}), **environment}
            copies.append(_copy(Template(rest).safe_substitute(known).split(), workdir))
        elif word == "ENV":
            environment.update(re.findall(r"(\w+)=(\S+)", rest))
        elif word == "CMD":
            command = json.loads(rest)
    return Dockerfile(base, copies, environment, user, command)


def all_copies(path: Path) -> list[Copy]:
    """Return the COPY instructions of all stages."""
    return [_copy(rest.split(), "/") for word, rest in _instructions(path.read_text()) if word == "COPY"]


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    parts = [line.partition(" ") for line in joined.splitlines()]
    return [(word.upper(), rest.strip()) for word, _, rest in parts]


def _copy(words: list[str], workdir: str) -> Copy:
    options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    *sources, target = [word for word in words if not word.startswith("--")]
    absolute = target if target.startswith("/") else f"{workdir.rstrip('/')}/{target}"
    return Copy(sources, absolute.replace("/./", "/"), options.get("from", ""))
