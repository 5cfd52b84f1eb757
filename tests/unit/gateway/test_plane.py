"""The plane without a broker: its deadline, its places, and the order in which it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pointsman.errors import DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE, Failure
from pointsman.gateway import plane as room
from pointsman.gateway.call import Call
from pointsman.gateway.claims import Claims
from pointsman.gateway.plane import RouterPlane
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.settings import Settings
from tests.unit.gateway.keys import Clock

SOON = Call(model="m", timeout_ms=20)
PATIENT = Call(model="m")


class Stage:
    """Plays the broker and the store. `gate` holds up the part that `slow` names."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, slow: str = "") -> None:
        self.slow, self.gate = slow, asyncio.Event()
        self.closed: list[str] = []
        self.sent: list[pb.InferenceRequest] = []
        for name in ("Outbox", "Inbox", "Lease", "Claims"):
            monkeypatch.setattr(room, name, lambda *given, name=name: Part(self, name, given))

    async def pass_by(self, part: str) -> None:
        if part == self.slow:
            await self.gate.wait()


class Part:
    """Anything that a plane uses, as far as it uses it."""

    def __init__(self, stage: Stage, name: str, given: tuple[object, ...]) -> None:
        self._stage, self._name, self._given = stage, name, given

    def start(self) -> None:
        """Hold a partition at once."""
        self.moving = asyncio.ensure_future(self._given[2](3))  # type: ignore[operator]

    async def open(self, choose: Callable[[int], int]) -> int:
        return 64

    def close(self) -> Awaitable[None]:
        self._stage.closed.append(self._name)
        return asyncio.sleep(0) if self._name != "Outbox" else None  # type: ignore[return-value]

    async def value_of(self, request: pb.InferenceRequest, left_ms: Callable[[], int]) -> bytes:
        await self._stage.pass_by("put")
        request.timeout_ms = left_ms()
        return request.SerializeToString()

    async def send(self, topic: str, key: bytes, value: bytes, tag: str) -> None:
        await self._stage.pass_by("send")
        self._stage.sent.append(pb.InferenceRequest.FromString(value))

    async def fetched(self, response: pb.InferenceResponse) -> pb.InferenceResponse:
        await self._stage.pass_by("fetch")
        return response


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0)


def answer(plane: RouterPlane, stage: Stage) -> None:
    for request in stage.sent:
        plane._take([pb.InferenceResponse(id=request.id, version="1").SerializeToString()])


@pytest.mark.parametrize("slow", ["put", "send", "answer", "fetch"])
def test_the_deadline_holds_wherever_the_time_goes(monkeypatch: pytest.MonkeyPatch, slow: str) -> None:
    monkeypatch.setattr(room, "GRACE_S", 0)

    async def story() -> None:
        stage = Stage(monkeypatch, slow)
        plane = RouterPlane(Settings())
        async with plane.lifetime():
            await until(lambda: plane.is_ready)
            asked = asyncio.ensure_future(plane.infer(SOON))
            if slow == "fetch":
                await until(lambda: stage.sent)
                answer(plane, stage)
            response = await asyncio.wait_for(asked, 5)
            assert (response.error.code, plane.in_flight) == (DEADLINE_EXCEEDED, 0)

    asyncio.run(story())


def test_the_place_is_taken_before_the_store_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        stage = Stage(monkeypatch, "put")
        plane = RouterPlane(Settings(gateway_inflight=2))
        async with plane.lifetime():
            await until(lambda: plane.is_ready)
            asked = [asyncio.ensure_future(plane.infer(PATIENT)) for _ in range(3)]
            await asyncio.sleep(0)
            assert plane.in_flight == 2
            assert (await asked[2]).error.code == RESOURCE_EXHAUSTED
            stage.gate.set()
            await until(lambda: len(stage.sent) == 2)
            answer(plane, stage)
            assert [(await one).version for one in asked[:2]] == ["1", "1"]
            assert plane.in_flight == 0

    asyncio.run(story())


def test_a_plane_that_stops_waits_for_answers_and_leaves_its_partition_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        stage = Stage(monkeypatch)
        plane = RouterPlane(Settings())
        lifetime = plane.lifetime()
        await lifetime.__aenter__()
        await until(lambda: plane.is_ready)
        asked = asyncio.ensure_future(plane.infer(PATIENT))
        await until(lambda: stage.sent)
        leaving = asyncio.ensure_future(lifetime.__aexit__(None, None, None))
        await until(lambda: not plane.is_ready)
        assert (await plane.infer(PATIENT)).error.code == UNAVAILABLE
        assert stage.closed == []
        answer(plane, stage)
        assert (await asked).version == "1"
        await leaving
        assert stage.closed == ["Inbox", "Outbox", "Outbox", "Lease", "Claims"]

    asyncio.run(story())


def test_a_plane_that_stops_waits_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LAST_ANSWERS_S", 0.01)

    async def story() -> None:
        stage = Stage(monkeypatch)
        plane = RouterPlane(Settings())
        async with asyncio.timeout(5), plane.lifetime():
            await until(lambda: plane.is_ready)
            asked = asyncio.ensure_future(plane.infer(PATIENT))
            await until(lambda: stage.sent)
        assert stage.closed[-2:] == ["Lease", "Claims"]
        asked.cancel()

    asyncio.run(story())


class SlowBlobs:
    """A store that takes half a second for a tensor, by the clock of the test."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def put(self, raw: bytes, ttl_s: int) -> str:
        self._clock.pass_s(0.5)
        return "key"


def test_the_router_gets_what_the_store_has_left_of_the_deadline() -> None:
    clock, claims = Clock(), Claims("")
    claims._blobs = SlowBlobs(clock)  # type: ignore[assignment]
    ends_ns = clock() + 2_000_000_000
    big = pb.Tensor(name="x", raw=bytes(300_000))

    def asked(*tensors: pb.Tensor) -> int:
        request = pb.InferenceRequest(id="i", tensors=pb.Tensors(tensors=tensors))
        value = asyncio.run(claims.value_of(request, lambda: (ends_ns - clock()) // 1_000_000))
        assert not isinstance(value, Failure)
        return pb.InferenceRequest.FromString(value).timeout_ms

    assert [asked(), asked(big, big)] == [2000, 1000]
