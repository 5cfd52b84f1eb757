"""A whole stack as a child of this process: it comes up, its parts come back, its state survives."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from pointsman.client import Ack, Client
from pointsman.errors import StackError
from pointsman.localstack import checkpoints, record
from pointsman.localstack.stack import Stack
from pointsman.settings import Settings
from pointsman.topics import TABLE

MODEL = {"model": "kept", "versions": {"1": {"uri": "python:nowhere:Class", "pool": "nowhere"}}}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start a stack in a folder with a space in its name, with a topic of our own."""
    settings = Settings(inputs=("orders=json:kept",), outputs=("scores",))
    with Stack(tmp_path_factory.mktemp("a stack"), settings=settings) as running:
        yield running


def control(stack: Stack, command: Mapping[str, Any]) -> Ack:
    async def send() -> Ack:
        async with Client(stack.kafka) as client:
            return await client.control(command, timeout=60)

    return asyncio.run(send())


def state(stack: Stack, name: str) -> str:
    return stack.record.children[name].state


def test_other_processes_read_where_it_is(stack: Stack) -> None:
    found = record.running(stack.home)
    assert (found.kafka, found.phase, found.supervisor) == (stack.kafka, "ready", os.getpid())
    assert {"kafka", "engine", "router", "pod-default"} <= found.children.keys()
    assert all(record.start_ticks(child.pid) == child.started > 0 for child in found.children.values())


def test_the_topics_are_those_of_the_table_and_our_own(stack: Stack) -> None:
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    present = admin.list_topics(timeout=30).topics
    assert {topic.name: topic.partitions for topic in TABLE} == {
        topic.name: len(present[topic.name].partitions) for topic in TABLE
    }
    assert {"orders", "scores"} <= present.keys()
    resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in TABLE]
    described = {
        resource.name: future.result() for resource, future in admin.describe_configs(resources).items()
    }
    for topic in TABLE:
        config = described[topic.name]
        assert int(config["max.message.bytes"].value) == topic.max_bytes
        assert config["cleanup.policy"].value == ("compact" if topic.compacted else "delete")


def test_a_second_stack_in_the_same_home_is_refused(stack: Stack) -> None:
    with pytest.raises(StackError, match="runs in"):
        Stack(stack.home.path).start()
    assert record.running(stack.home).phase == "ready"


def test_an_unknown_child_cannot_be_killed(stack: Stack) -> None:
    with pytest.raises(StackError, match="there are engine"):
        stack.kill("zookeeper")


@pytest.mark.parametrize("name", ["router", "pod-default", "redis", "kafka"])
def test_a_killed_child_comes_back_and_the_job_does_not_restart(stack: Stack, name: str) -> None:
    if name not in stack.record.children:
        pytest.fail("redis-server is not installed; `pointsman doctor` says how")
    before = stack.record.children[name]
    pid, restarts = before.pid, before.restarts
    stack.kill(name)
    stack.wait_ready()
    after = stack.record.children[name]
    assert after.pid != pid
    assert after.restarts == restarts + 1
    assert control(stack, {"model": "absent", "split": {"1": 1}}).error is not None
    assert stack.restarts() == 0, stack.failure()


def test_the_engine_goes_on_from_its_checkpoint_after_its_death(stack: Stack) -> None:
    epoch = control(stack, {"model": "kept", "apply": MODEL}).epoch
    assert epoch > 0
    newest = max(folder.stat().st_mtime_ns for folder in checkpoints.newest_first(stack.home.checkpoints))
    _until_newer_checkpoint(stack, newest)
    stack.kill("engine")
    stack.wait_ready()
    after = control(stack, {"model": "kept", "split": {"1": 2}, "expected_epoch": epoch})
    assert after.ok, after.error


def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(stack: Stack) -> None:
    stack.kill("engine", hold=True)
    choices = checkpoints.newest_first(stack.home.checkpoints)
    assert len(choices) > 1
    metadata = choices[0] / "_metadata"
    metadata.write_bytes(metadata.read_bytes()[: metadata.stat().st_size // 2])
    stack.resume("engine")
    assert not choices[0].exists()
    assert len(list(stack.home.path.glob("checkpoints-damaged/*"))) == 1
    assert control(stack, {"model": "kept", "split": {"1": 3}}).ok


def test_a_held_child_stays_away_until_it_is_resumed(stack: Stack) -> None:
    stack.kill("router", hold=True)
    stack.wait_ready()  # the others are
    assert state(stack, "router") == "down"
    stack.resume("router")
    assert state(stack, "router") == "ready"


def _until_newer_checkpoint(stack: Stack, than_ns: int, patience: int = 600) -> None:
    """Wait until the engine has completed a checkpoint after `than_ns`, by asking it over and over."""
    for _ in range(patience):
        control(stack, {"model": "absent", "split": {"1": 1}})
        newest = checkpoints.newest_first(stack.home.checkpoints)
        if newest and newest[0].stat().st_mtime_ns > than_ns:
            return
    pytest.fail("no checkpoint was completed")


def test_a_child_that_cannot_start_fails_the_stack_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho the disk is full >&2\nexit 3\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{java.parent}{os.pathsep}{os.environ['PATH']}")
    failing = Stack(tmp_path / "home")
    with pytest.raises(StackError, match="the disk is full"):
        failing.start()
    assert failing.record.phase == "failed"
    assert not any(record.start_ticks(child.pid) for child in failing.record.children.values())
    assert not failing.home.is_locked()
