from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest

from pointsman.core.spec import Route
from pointsman.core.table import RouteTable, VersionState
from pointsman.errors import SettingsError
from pointsman.gateway.cache import MOST_JSON_BYTES, CachingPlane, seconds_of
from pointsman.gateway.call import Call
from pointsman.gateway.statistics import Statistics
from pointsman.pb.v1 import inference_pb2 as pb
from tests.unit.gateway.keys import Clock
from tests.unit.gateway.scene import table


class CountingPlane:
    """Answers with how often it was asked; waits for `go` where it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Event()
        self.go.set()
        self.code = ""
        self.version = "v1"
        self.padding = 0

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """See Plane."""
        self.asked += 1
        number = self.asked
        await self.go.wait()
        if self.code:
            return pb.InferenceResponse(model=call.model, error=pb.Error(code=self.code))
        raw = number.to_bytes(8 + self.padding, "little")
        outputs = pb.Tensors(tensors=[pb.Tensor(name="y", datatype="INT64", shape=[1], raw=raw)])
        return pb.InferenceResponse(model=call.model, version=self.version, decision_id="d", outputs=outputs)


class Kept:
    def __init__(self, tables: Mapping[str, RouteTable], most_bytes: int = 10_000) -> None:
        self.plane, self.clock, self.statistics = CountingPlane(), Clock(), Statistics()
        self.cache = CachingPlane(self.plane, tables, {"m": 10.0}, most_bytes, self.statistics, self.clock)

    async def ask(self, value: int = 0, **more: object) -> int:
        tensors = [
            pb.Tensor(name=name, datatype="UINT8", shape=[1], raw=bytes([value + at]))
            for at, name in enumerate("ab")
        ]
        call = Call(**{"model": "m", "tensors": tensors, **more})  # type: ignore[arg-type]
        return number(await self.cache.infer(call))


def number(response: pb.InferenceResponse) -> int:
    assert not response.HasField("error"), response.error
    return int.from_bytes(response.outputs.tensors[0].raw, "little")


ONE = {"m": table("m", v1=VersionState.READY), "other": table("other", v1=VersionState.READY)}


def told(story: Callable[[Kept], Awaitable[None]], kept: Callable[[], Kept] = lambda: Kept(ONE)) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await story(kept())

    asyncio.run(run())


def test_the_same_inputs_are_computed_once_and_others_anew() -> None:
    async def story(kept: Kept) -> None:
        assert [await kept.ask(value) for value in (1, 1, 2, 1)] == [1, 1, 2, 1]
        [counts] = kept.statistics.of("m")
        assert (counts.inference_stats.cache_hit.count, counts.inference_stats.cache_miss.count) == (2, 2)

    told(story)


def test_the_order_of_inputs_does_not_matter_and_which_is_which_does() -> None:
    async def story(kept: Kept) -> None:
        def of(a: bytes, b: bytes) -> list[pb.Tensor]:
            pair = {"a": a, "b": b}
            return [pb.Tensor(name=n, datatype="UINT8", shape=[1], raw=raw) for n, raw in pair.items()]

        orders = (of(b"1", b"2"), of(b"1", b"2")[::-1], of(b"2", b"1"))
        assert [await kept.ask(tensors=tensors) for tensors in orders] == [1, 1, 2]
        texts = (b'{"a":1,"b":2}', b'{"b": 2, "a": 1}')
        assert [await kept.ask(tensors=(), json=text) for text in texts] == [3, 3]

    told(story)


def test_what_is_kept_has_no_decision() -> None:
    async def story(kept: Kept) -> None:
        call = Call(model="m", json=b"{}")
        first, second = await kept.cache.infer(call), await kept.cache.infer(call)
        assert (first.decision_id, second.decision_id, second.version) == ("d", "", "v1")

    told(story)


def test_an_answer_is_kept_for_its_time_and_a_model_that_did_not_ask_has_none() -> None:
    async def story(kept: Kept) -> None:
        await kept.ask()
        kept.clock.pass_s(9.9)
        assert await kept.ask() == 1
        kept.clock.pass_s(0.2)
        assert await kept.ask() == 2
        assert [await kept.ask(model="other") for _ in range(2)] == [3, 4]

    told(story)


def test_a_new_generation_of_a_version_is_another_version() -> None:
    tables = dict(ONE)

    async def story(kept: Kept) -> None:
        assert await kept.ask() == 1
        tables["m"] = table("m", v0=VersionState.FAILED, v1=VersionState.READY)
        tables["m"] = RouteTable("m", 8, tables["m"].versions, Route({"v1": 10_000}))
        assert await kept.ask() == 2

    told(story, lambda: Kept(tables))


def test_where_chance_decides_nothing_is_kept_but_for_a_version_that_is_named() -> None:
    split = table("m", v1=VersionState.READY, v2=VersionState.READY)
    split = RouteTable("m", 7, split.versions, Route({"v1": 5_000, "v2": 5_000}), labels={"stable": "v1"})

    async def story(kept: Kept) -> None:
        assert [await kept.ask() for _ in range(2)] == [1, 2]
        assert [await kept.ask(version="v1"), await kept.ask(label="stable")] == [3, 3]
        assert [await kept.ask(label="none") for _ in range(2)] == [4, 5]

    told(story, lambda: Kept({"m": split}))


def test_the_answer_of_another_version_than_was_foreseen_is_not_kept() -> None:
    async def story(kept: Kept) -> None:
        kept.plane.version = "v2"
        assert [await kept.ask() for _ in range(2)] == [1, 2]

    told(story)


def test_who_asks_meanwhile_waits_for_the_same_answer_and_whoever_leaves_takes_nobody_along() -> None:
    async def story(kept: Kept) -> None:
        kept.plane.go.clear()
        asking = [asyncio.create_task(kept.ask()) for _ in range(5)]
        while not kept.plane.asked:
            await asyncio.sleep(0)
        asking[0].cancel()
        await asyncio.sleep(0)
        kept.plane.go.set()
        assert await asyncio.gather(*asking[1:]) == [1, 1, 1, 1]
        assert kept.plane.asked == 1

    told(story)


def test_a_failure_is_not_kept_and_anothers_deadline_is_not_mine() -> None:
    async def story(kept: Kept) -> None:
        kept.plane.code = "UNAVAILABLE"
        with pytest.raises(AssertionError, match="UNAVAILABLE"):
            await kept.ask()
        kept.plane.code, asked = "DEADLINE_EXCEEDED", kept.plane.asked
        kept.plane.go.clear()
        short, long = asyncio.create_task(kept.ask(timeout_ms=1)), asyncio.create_task(kept.ask())
        while kept.plane.asked == asked:
            await asyncio.sleep(0)
        kept.plane.go.set()
        with pytest.raises(AssertionError, match="DEADLINE"):
            await short
        with pytest.raises(AssertionError, match="DEADLINE"):
            await long
        assert kept.plane.asked == asked + 2  # it asked for itself

    told(story)


@pytest.mark.parametrize("text", ["digits", "digits=", "=60s", "digits=soon", "digits=0s", "a b=60s"])
def test_what_is_to_be_kept_is_said_as_model_and_time(text: str) -> None:
    assert seconds_of(["digits=60s", "other=1min"]) == {"digits": 60.0, "other": 60.0}
    with pytest.raises(SettingsError, match="answer_cache"):
        seconds_of([text])


def test_answers_take_no_more_room_than_they_may() -> None:
    async def story(kept: Kept) -> None:
        for value in range(100):
            await kept.ask(value)
        assert 0 < kept.cache._bytes <= 400
        assert kept.cache._bytes == sum(len(one.value) for one in kept.cache._kept.values())
        assert await kept.ask(99) == 100
        assert await kept.ask(0) == 101

    told(story, lambda: Kept(ONE, most_bytes=400))


def test_an_answer_that_would_drive_out_the_others_is_not_kept() -> None:
    async def story(kept: Kept) -> None:
        await kept.ask(1)
        kept.plane.padding = 100
        assert [await kept.ask(2), await kept.ask(2)] == [2, 3]
        assert await kept.ask(1) == 1

    told(story, lambda: Kept(ONE, most_bytes=400))


def test_long_json_is_not_looked_up() -> None:
    async def story(kept: Kept) -> None:
        for padding, numbers in ((0, [1, 1]), (1, [2, 3])):
            text = b"[%b]" % (b" " * (MOST_JSON_BYTES - 2 + padding))
            assert [await kept.ask(tensors=(), json=text) for _ in range(2)] == numbers

    told(story)
