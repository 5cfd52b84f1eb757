"""Loading as the job does it: a command, an acknowledgement, and tables that follow."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from pointsman.client.ack import Ack
from pointsman.core.table import RouteTable, VersionState
from pointsman.errors import ALREADY_EXISTS, FAILED_PRECONDITION, INVALID_ARGUMENT, Failure
from pointsman.gateway import repository as room
from pointsman.gateway.repository import Repository
from tests.unit.gateway.scene import table

READY, LOADING, FAILED = VersionState.READY, VersionState.LOADING, VersionState.FAILED


class Job:
    """Acknowledges commands with an epoch, and goes through tables one by one as it is looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *tables: RouteTable) -> None:
        monkeypatch.setattr(room, "_LOOK_S", 0)
        self.looks: Iterator[RouteTable | None] = iter(tables)
        self.commands: list[Mapping[str, Any]] = []
        self.error: Failure | None = None

    def get(self, model: str) -> RouteTable | None:
        return next(self.looks)

    async def control(self, command: Mapping[str, Any]) -> Ack:
        self.commands.append(command)
        return Ack("", model="m", epoch=7, error=self.error)

    def register(self, version: str, wait_s: float = 60) -> VersionState | Failure:
        repository = Repository("nowhere", self)  # type: ignore[arg-type]
        repository._client = self  # type: ignore[assignment]
        return asyncio.run(repository.register("m", version, {"uri": "file:///w"}, "ann", wait_s))

    def load(self, *versions: str) -> Failure | None:
        repository = Repository("nowhere", self)  # type: ignore[arg-type]
        repository._client = self  # type: ignore[assignment]
        spec = {"versions": {version: {"uri": "file:///w"} for version in versions}}
        config = msgspec.json.encode(spec).decode() if versions else ""
        return asyncio.run(repository.load("m", config))


def at(epoch: int, **states: VersionState) -> RouteTable:
    return msgspec.structs.replace(table("m", **states), epoch=epoch)


def test_a_load_waits_for_the_versions_of_its_config_and_not_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = Job(
        monkeypatch,
        at(6, v1=READY, v2=READY, v3=READY),  # of before the command
        at(7, v1=READY, v2=LOADING, v3=LOADING),
        at(7, v1=READY, v2=READY, v3=LOADING),
        at(7, v1=FAILED, v2=READY, v3=READY),
    )
    assert job.load("v2", "v3") is None
    assert next(job.looks, None) is None
    assert list(job.commands[0]["apply"]["versions"]) == ["v2", "v3"]


def test_one_version_that_fails_fails_the_load_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = at(7, v1=READY, v2=READY, v3=FAILED)
    entry = msgspec.structs.replace(failed.versions["v3"], reason="no such file")
    failed = msgspec.structs.replace(failed, versions={**failed.versions, "v3": entry})
    failure = Job(monkeypatch, at(7, v1=READY, v2=LOADING, v3=LOADING), failed).load("v2", "v3")
    assert failure == Failure(FAILED_PRECONDITION, "failed to load 'm': no such file")


def test_a_version_that_somebody_retires_meanwhile_fails_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = Job(monkeypatch, at(7, v1=READY, v2=LOADING), at(8, v1=READY)).load("v2")
    assert failure is not None
    assert "'v2' has been retired" in failure.message


def test_without_a_config_any_ready_version_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = (at(3, v1=FAILED, v2=LOADING), at(3, v1=FAILED, v2=READY))
    assert Job(monkeypatch, *tables).load() is None
    failure = Job(monkeypatch, at(3, v1=FAILED, v2=FAILED)).load()
    assert failure is not None
    assert failure.code == FAILED_PRECONDITION


def test_a_registered_version_is_waited_for_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = (at(6, v2=READY), at(7, v1=FAILED, v2=LOADING), at(7, v1=FAILED, v2=READY))
    job = Job(monkeypatch, *tables)
    assert job.register("v2") == READY
    assert next(job.looks, None) is None
    assert job.commands == [{"model": "m", "register": {"v2": {"uri": "file:///w"}}, "actor": "ann"}]


def test_a_registered_version_that_fails_says_why_and_one_that_takes_long_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failure = Job(monkeypatch, at(7, v1=READY, v2=FAILED)).register("v2")
    assert failure == Failure(FAILED_PRECONDITION, "failed to load 'm': version 'v2' failed")
    slow = Job(monkeypatch)
    slow.looks = itertools.repeat(at(7, v1=READY, v2=LOADING))
    assert slow.register("v2", wait_s=0.01) == LOADING
    slow.looks = itertools.repeat(None)  # the acknowledgement came, the table not yet
    assert slow.register("v2", wait_s=0.01) == VersionState.REGISTERED


def test_what_the_router_does_not_take_beside_what_there_is_exists_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = Job(monkeypatch)
    for code, told in ((FAILED_PRECONDITION, ALREADY_EXISTS), (INVALID_ARGUMENT, INVALID_ARGUMENT)):
        job.error = Failure(code, "no", "versions.v1")
        assert job.register("v1") == Failure(told, "no", "versions.v1")
