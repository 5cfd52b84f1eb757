"""The plane and its leases on a real broker; a responder plays the job."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from pointsman import topics
from pointsman.core.partition import partition_of
from pointsman.gateway import lease as lease_room
from pointsman.gateway.call import Call
from pointsman.gateway.lease import Lease
from pointsman.gateway.plane import RouterPlane, key_for
from pointsman.localstack.ports import reserve
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.settings import Settings
from tests.integration.responder import Responder, in_a_loop


@asynccontextmanager
async def ready_plane(settings: Settings) -> AsyncIterator[RouterPlane]:
    plane = RouterPlane(settings)
    async with plane.lifetime(), asyncio.timeout(60):
        while not plane.is_ready:
            await asyncio.sleep(0.01)
        yield plane


def call_for(model: str, number: int = 0, **more: object) -> Call:
    raw = np.array([[number]], "<i8").tobytes()
    tensor = pb.Tensor(name="x", datatype="INT64", shape=[1, 1], raw=raw)
    return Call(model=model, tensors=[tensor], **more)  # type: ignore[arg-type]


def number_in(response: pb.InferenceResponse) -> int:
    return int(np.frombuffer(response.outputs.tensors[0].raw, "<i8")[0])


@in_a_loop
async def test_requests_at_once_get_their_own_answers_through_several_gateways(
    kafka: str, responder: Responder
) -> None:
    settings = Settings(kafka=kafka)
    async with ready_plane(settings) as one, ready_plane(settings) as other:
        calls = [(one if n % 2 else other).infer(call_for("echo", n, id="same")) for n in range(400)]
        assert [number_in(response) for response in await asyncio.gather(*calls)] == list(range(400))
        keys = {request.reply_key for request in responder.seen}
        assert len({partition_of(key.encode(), 64) for key in keys}) == 2  # each has a partition of its own
        assert one.in_flight == other.in_flight == 0


@in_a_loop
async def test_what_a_call_says_reaches_the_router_in_the_interactive_lane(
    kafka: str, responder: Responder
) -> None:
    call = call_for("echo", version="7", label="", unit="u", timeout_ms=5000, traceparent="00-a-b-01")
    async with ready_plane(Settings(kafka=kafka)) as plane:
        await plane.infer(call)
    [seen] = responder.seen
    assert (seen.version, seen.unit, seen.traceparent) == ("7", "u", "00-a-b-01")
    assert 4_000 < seen.timeout_ms <= 5_000  # what is left of it
    assert seen.lane == pb.LANE_INTERACTIVE
    assert responder.topics == [topics.INTERACTIVE]


@in_a_loop
async def test_json_goes_as_it_is(kafka: str, responder: Responder) -> None:
    async with ready_plane(Settings(kafka=kafka)) as plane:
        await plane.infer(Call(model="refusing", json=b'{"instances": [1]}'))
    assert responder.seen[0].json == b'{"instances": [1]}'


@in_a_loop
async def test_a_refusal_is_an_answer(kafka: str, responder: Responder) -> None:
    async with ready_plane(Settings(kafka=kafka)) as plane:
        response = await plane.infer(call_for("refusing"))
    assert (response.error.code, response.error.message) == ("NOT_FOUND", "no such model")


@in_a_loop
async def test_where_no_answer_comes_the_deadline_is_the_answer(kafka: str, responder: Responder) -> None:
    async with ready_plane(Settings(kafka=kafka)) as plane:
        response = await plane.infer(call_for("silent", timeout_ms=100))
        assert response.error.code == "DEADLINE_EXCEEDED"
        assert plane.in_flight == 0


@in_a_loop
async def test_more_than_may_be_in_flight_is_refused_at_once(kafka: str, responder: Responder) -> None:
    async with ready_plane(Settings(kafka=kafka, gateway_inflight=3, gateway_timeout_ms=200)) as plane:
        silent = [asyncio.create_task(plane.infer(call_for("silent"))) for _ in range(3)]
        while plane.in_flight < 3:
            await asyncio.sleep(0.01)
        assert (await plane.infer(call_for("echo"))).error.code == "RESOURCE_EXHAUSTED"
        await asyncio.gather(*silent)
        assert number_in(await plane.infer(call_for("echo", 5))) == 5


@in_a_loop
async def test_who_gives_up_leaves_nothing_behind(kafka: str, responder: Responder) -> None:
    async with ready_plane(Settings(kafka=kafka)) as plane:
        asking = asyncio.create_task(plane.infer(call_for("silent")))
        while not plane.in_flight:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert plane.in_flight == 0


@in_a_loop
async def test_a_request_beyond_a_records_size_says_so_where_there_is_no_store(
    kafka: str, responder: Responder
) -> None:
    tensor = pb.Tensor(name="x", datatype="UINT8", shape=[1, 300_000], raw=bytes(300_000))
    async with ready_plane(Settings(kafka=kafka)) as plane:
        response = await plane.infer(Call(model="echo", tensors=[tensor]))
    assert response.error.code == "OUT_OF_RANGE"
    assert "Redis" in response.error.message


@in_a_loop
async def test_without_a_broker_the_plane_is_not_ready_and_says_so() -> None:
    reservation = reserve()
    reservation.release()
    plane = RouterPlane(Settings(kafka=f"127.0.0.1:{reservation.port}"))
    async with plane.lifetime():
        assert (await plane.infer(call_for("echo"))).error.code == "UNAVAILABLE"


@in_a_loop
async def test_a_lease_that_was_left_is_free_at_once_and_one_that_is_held_is_not(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_room, "free", lambda held, things, now_ms: [5] if 5 not in held else [])
    taken: asyncio.Queue[str] = asyncio.Queue()

    def lease_of(name: str) -> Lease:
        async def note(partition: int) -> None:
            taken.put_nowait(f"{name}{partition}")

        return Lease(kafka, name, note)

    first, second = lease_of("first"), lease_of("second")
    async with asyncio.timeout(60):
        first.start()
        assert await taken.get() == "first5"
        second.start()
        while lease_room.RENEW_S and not second._held:
            await asyncio.sleep(0.01)
        assert taken.empty()
        await first.close()
        assert await taken.get() == "second5"
        await second.close()


@in_a_loop
async def test_a_lease_that_is_held_is_seen_by_one_whose_clock_is_an_hour_ahead(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_room, "free", lambda held, things, now_ms: [6] if 6 not in held else [])
    taken: asyncio.Queue[str] = asyncio.Queue()

    def lease_of(name: str) -> Lease:
        async def note(partition: int) -> None:
            taken.put_nowait(f"{name}{partition}")

        return Lease(kafka, name, note)

    ahead_ns = time.time_ns() + 3600 * 10**9
    first, second = lease_of("first"), lease_of("second")
    async with asyncio.timeout(60):
        first.start()
        assert await taken.get() == "first6"
        monkeypatch.setattr(time, "time_ns", lambda: ahead_ns)
        second.start()
        while second._held.get(6) is None:
            await asyncio.sleep(0.01)
        assert second._held[6].holder == "first"
        assert taken.empty()
        await second.close()
        await first.close()


@in_a_loop
async def test_a_plane_that_stops_gives_the_answers_it_owes(kafka: str, responder: Responder) -> None:
    async with ready_plane(Settings(kafka=kafka)) as plane:
        asked = [asyncio.create_task(plane.infer(call_for("echo", n))) for n in range(100)]
        await asyncio.sleep(0)
    assert [number_in(response) for response in await asyncio.gather(*asked)] == list(range(100))


def test_a_reply_key_leads_to_its_partition() -> None:
    assert all(partition_of(key_for("s", number, 64).encode(), 64) == number for number in range(64))
