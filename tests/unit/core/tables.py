"""Small builders: a version, a model, a command, and tables on their way through life."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.core.commands import Apply, Body, Command
from pointsman.core.lifecycle import Held, Moment, PodWord, advance
from pointsman.core.reduce import Facts, reduce
from pointsman.core.spec import ModelSpec, Route, VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.errors import Failure

NOW = 1_000_000
SILENCE = 10_000


def version(name: str = "1", **fields: Any) -> VersionSpec:
    """Return a version whose artifact is named after it."""
    return VersionSpec(**{"uri": f"file:///models/m-{name}.safetensors", **fields})


def model(
    split: Mapping[str, int] | None = None,
    *,
    versions: Mapping[str, VersionSpec] | None = None,
    labels: Mapping[str, str] | None = None,
    **route: Any,
) -> ModelSpec:
    """Return model m with a version per arm of the split."""
    weights = {"1": 900, "2": 100} if split is None else dict(split)
    made = {name: version(name) for name in weights} if versions is None else dict(versions)
    return ModelSpec("m", made, Route(split=weights, **route), dict(labels or {}))


def attempt(
    table: RouteTable,
    body: Body,
    command_id: str = "c",
    *,
    expected_epoch: int | None = None,
    now_ms: int = NOW,
    facts: Facts | None = None,
) -> RouteTable | Failure:
    """Return what a command makes of a table."""
    return reduce(table, Command(command_id, table.model, body, expected_epoch), facts or Facts(now_ms))


def done(table: RouteTable, body: Body, command_id: str = "c", **options: Any) -> RouteTable:
    """Return the table after a command that is obeyed."""
    after = attempt(table, body, command_id, **options)
    assert isinstance(after, RouteTable), after
    return after


def refused(table: RouteTable, body: Body, command_id: str = "c", **options: Any) -> Failure:
    """Return why a command is refused."""
    failure = attempt(table, body, command_id, **options)
    assert isinstance(failure, Failure)
    return failure


def word(
    table: RouteTable,
    states: Mapping[str, VersionState],
    *,
    pod: str = "p1",
    pool: str = "default",
    at_ms: int = NOW,
    **held: Any,
) -> PodWord:
    """Return a pod's word on versions of the table in their current generation."""
    return PodWord(
        pod,
        pool,
        at_ms,
        {
            name: Held(table.versions[name].generation, state, **held)
            for name, state in states.items()
            if name in table.versions
        },
    )


def moved(
    table: RouteTable, *words: PodWord, now_ms: int = NOW, inflight: Mapping[str, int] | None = None
) -> RouteTable:
    """Return the table after a look at the pods' words."""
    waiting = inflight or {}

    def count(entry: VersionEntry) -> int:
        return waiting.get(entry.version, 0)

    return advance(table, Moment(now_ms, SILENCE, words, count))


def serving(split: Mapping[str, int] | None = None, **fields: Any) -> RouteTable:
    """Return a table whose versions are all READY."""
    table = done(RouteTable("m"), Apply(model(split, **fields)), "apply")
    return moved(table, word(table, dict.fromkeys(table.versions, VersionState.READY)))


def states(table: RouteTable) -> dict[str, VersionState]:
    """Return the state of each version."""
    return {name: entry.state for name, entry in table.versions.items()}
