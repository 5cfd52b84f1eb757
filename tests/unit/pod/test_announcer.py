from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from pointsman import topics
from pointsman.core.table import VersionState
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.pb.v1 import routing_pb2, serving_pb2
from pointsman.pod.announcer import WORDS_PER_S, Announcer
from pointsman.runtimes.base import Key
from pointsman.runtimes.pool import Memory
from pointsman.runtimes.slot import Status, Use
from pointsman.settings import Settings
from pointsman.wire.spec import signature_to_pb

MEMORY = Memory(70, 90, 100)
SIGNATURE = Signature((TensorSpec("x", "FP32", (-1, 4)),))


class Records:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[serving_pb2.PodStatus] = []
        self.flushed = 0
        self.is_full = False

    def produce(self, topic: str, value: bytes, key: bytes) -> None:
        if self.is_full:
            raise BufferError
        status = serving_pb2.PodStatus.FromString(value)
        assert topic == topics.STATUS
        assert key.decode() == status.model
        self.sent.append(status)

    def poll(self, timeout: float) -> int:
        return 0

    def flush(self, timeout: float) -> int:
        self.flushed = len(self.sent)
        return 0


class Shelf:
    """A host that holds what it is given."""

    memory = MEMORY

    def __init__(self, held: dict[Key, Status]) -> None:
        self.use = Use(in_memory=True, last_ms=50, passes=3, rows=12, loads=2)
        self._held = held

    def held(self) -> Mapping[Key, Status]:
        return self._held

    def uses(self) -> Mapping[Key, Use]:
        return dict.fromkeys(self._held, self.use)


def tell(
    story: Callable[[Announcer, dict[Key, Status], Records], Awaitable[None]], heartbeat_ms: int = 60_000
) -> None:
    async def told() -> None:
        held: dict[Key, Status] = {}
        records = Records()
        settings = Settings(pool="gpu", heartbeat_ms=heartbeat_ms)
        await story(Announcer(settings, Shelf(held), records, lambda: 123), held, records)

    asyncio.run(told())


async def next_turn() -> None:
    await asyncio.sleep(0)


def test_a_change_is_announced_with_all_that_is_known() -> None:
    async def story(announcer: Announcer, held: dict[Key, Status], records: Records) -> None:
        held[Key("a", "1", 3)] = Status(VersionState.READY, "", SIGNATURE, "abc", 99)
        held[Key("a", "2", 4)] = Status(VersionState.FAILED, "no file")
        held[Key("b", "1", 1)] = Status(VersionState.LOADING)
        announcer.changed("a")
        await next_turn()
        [status] = records.sent
        assert (status.pod, status.pool, status.model, status.at_ms) == (announcer.pod, "gpu", "a", 123)
        ready, failed = status.held
        assert (ready.version, ready.generation, ready.state) == ("1", 3, routing_pb2.READY)
        assert (ready.signature, ready.sha256, ready.footprint) == (signature_to_pb(SIGNATURE), "abc", 99)
        assert (failed.state, failed.reason) == (routing_pb2.FAILED, "no file")
        assert not failed.HasField("signature")
        assert (ready.in_memory, ready.last_ms) == (True, 50)
        assert (ready.passes, ready.rows, ready.loads) == (3, 12, 2)
        assert (status.memory_bytes, status.peak_bytes, status.cache_bytes) == (70, 90, 100)
        assert status.every_ms == 0

    tell(story)


def test_changes_of_one_moment_are_one_record() -> None:
    async def story(announcer: Announcer, held: dict[Key, Status], records: Records) -> None:
        held[Key("a", "1", 1)] = Status(VersionState.READY)
        for _ in range(5):
            announcer.changed("a")
        await next_turn()
        assert len(records.sent) == 1
        announcer.changed("a")
        await next_turn()
        assert len(records.sent) == 2

    tell(story)


def test_a_model_without_versions_is_announced_once_more() -> None:
    async def story(announcer: Announcer, held: dict[Key, Status], records: Records) -> None:
        held[Key("a", "1", 1)] = Status(VersionState.READY)
        announcer.changed("a")
        await next_turn()
        held.clear()
        announcer.changed("a")
        await next_turn()
        assert len(records.sent[-1].held) == 0
        announcer.leave()
        assert len(records.sent) == 2

    tell(story)


def test_a_leaving_pod_says_so_for_each_model_and_then_nothing() -> None:
    async def story(announcer: Announcer, held: dict[Key, Status], records: Records) -> None:
        for model in "ab":
            held[Key(model, "1", 1)] = Status(VersionState.READY)
            announcer.changed(model)
        await next_turn()
        announcer.leave()
        announcer.changed("a")
        await next_turn()
        assert sorted(status.model for status in records.sent[2:]) == ["a", "b"]
        assert all(status.leaving for status in records.sent[2:])
        assert records.flushed == 4

    tell(story)


def test_everything_is_repeated_at_the_heartbeat() -> None:
    async def story(announcer: Announcer, held: dict[Key, Status], records: Records) -> None:
        held[Key("a", "1", 1)] = Status(VersionState.READY)
        held[Key("b", "1", 1)] = Status(VersionState.READY)
        heart = asyncio.create_task(announcer.run())
        async with asyncio.timeout(5):
            while len(records.sent) < 6:
                await asyncio.sleep(0.001)
        heart.cancel()
        assert {status.model for status in records.sent} == {"a", "b"}

    tell(story, heartbeat_ms=5)


def test_of_very_many_models_each_is_repeated_in_its_turn_and_says_when_the_next_word_comes() -> None:
    async def story(announcer: Announcer, held: dict[Key, Status], records: Records) -> None:
        count = 60
        for number in range(count):
            held[Key(f"m{number}", "1", 1)] = Status(VersionState.READY)
            announcer.changed(f"m{number}")
        await next_turn()
        assert len(records.sent) == count
        heart = asyncio.create_task(announcer.run())
        async with asyncio.timeout(10):
            while len(records.sent) < 2 * count:
                await asyncio.sleep(0.001)
        heart.cancel()
        repeated = records.sent[count : 2 * count]
        assert len({status.model for status in repeated}) == count
        assert all(status.every_ms == count * 1000 // WORDS_PER_S for status in repeated)

    tell(story, heartbeat_ms=5)


def test_a_full_queue_is_left_to_the_next_heartbeat() -> None:
    async def story(announcer: Announcer, held: dict[Key, Status], records: Records) -> None:
        held[Key("a", "1", 1)] = Status(VersionState.READY)
        records.is_full = True
        announcer.changed("a")
        await next_turn()
        records.is_full = False
        announcer.changed("a")
        await next_turn()
        assert len(records.sent) == 1

    tell(story)


def test_each_process_has_a_name_of_its_own() -> None:
    names = {Announcer(Settings(pool="gpu"), Shelf({}), Records(), lambda: 0).pod for _ in range(10)}
    assert len(names) == 10
