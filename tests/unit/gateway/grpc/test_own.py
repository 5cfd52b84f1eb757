"""Our own service over a real connection: all four kinds of call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pointsman.gateway.call import Call
from pointsman.gateway.grpc.server import Options
from pointsman.pb.v1 import gateway_pb2
from pointsman.pb.v1 import inference_pb2 as pb
from tests.unit.gateway.grpc.doors import OWN, Plane, each, refusal, served, within


def request(request_id: str = "", model: str = "m", **fields: Any) -> pb.InferenceRequest:
    tensor = pb.Tensor(name="x", datatype="UINT8", shape=[1], raw=b"\7")
    payload: dict[str, Any] = (
        {} if "json" in fields or "blob" in fields else {"tensors": pb.Tensors(tensors=[tensor])}
    )
    return pb.InferenceRequest(id=request_id, model=model, **payload, **fields)


def many(*models: str) -> gateway_pb2.InferManyRequest:
    return gateway_pb2.InferManyRequest(request=request("r"), targets=[{"model": model} for model in models])


def test_one_request_has_one_answer_with_its_context() -> None:
    async def story() -> None:
        plane = Plane()
        async with served(plane) as (_, client):
            answer = await client(OWN, "Infer", request("17", unit="u", context=b"c", timeout_ms=900))
            await client(OWN, "Infer", request(json=b"{}"))
        assert (answer.id, answer.context, answer.arm) == ("17", b"c", "a")
        assert answer.outputs.tensors[0].raw == b"\7"
        assert (plane.calls[0].unit, plane.calls[0].timeout_ms) == ("u", 900)
        assert plane.calls[1].json == b"{}"

    within(story())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (request(model=""), "names no model"),
        (request(timeout_ms=-1), "timeout_ms"),
        (request(blob=pb.Blob()), "a blob is a BYTES tensor"),
        (request(model="no"), "unknown model: 'no'"),
    ],
)
def test_a_request_that_cannot_be_answered_is_a_status(asked: pb.InferenceRequest, said: str) -> None:
    async def story() -> None:
        async with served() as (_, client):
            assert said in (await refusal(client(OWN, "Infer", asked))).details()

    within(story())


def test_each_target_answers_as_soon_as_it_can() -> None:
    async def story() -> None:
        first = asyncio.Event()

        async def gate(call: Call) -> None:
            if call.model == "m":
                await first.wait()

        async with served(Plane(gate)) as (_, client):
            stream = client(OWN, "InferMany", many("m", "no"))
            refused = await stream.read()
            assert (refused.model, refused.error.code, refused.id) == ("no", "NOT_FOUND", "r")
            first.set()
            assert (await stream.read()).version == "1"

    within(story())


@pytest.mark.parametrize("asked", [many(), many("m", "m"), many(*map(str, range(65)))])
def test_targets_that_are_none_twice_or_too_many_are_refused(asked: gateway_pb2.InferManyRequest) -> None:
    async def story() -> None:
        plane = Plane()
        async with served(plane) as (_, client):
            error = await refusal(client(OWN, "InferMany", asked).read())
        assert error.code().name == "INVALID_ARGUMENT"
        assert plane.calls == []

    within(story())


def test_a_stream_of_requests_ends_in_a_summary() -> None:
    async def story() -> None:
        asked = each(request("a"), request("b", "no"), b"\xff", request("d", version="2"), request("e"))
        async with served() as (_, client):
            summary = await client(OWN, "Submit", asked)
        assert (summary.received, summary.answered, summary.failed) == (5, 3, 2)
        assert [(one.version, one.answered) for one in summary.served] == [("1", 2), ("2", 1)]
        assert dict(summary.codes) == {"NOT_FOUND": 1, "INVALID_ARGUMENT": 1}
        assert [(one.number, one.id) for one in summary.refused] == [(1, "b"), (2, "")]

    within(story())


def test_a_stream_both_ways_keeps_the_order() -> None:
    async def story() -> None:
        second = asyncio.Event()

        async def gate(call: Call) -> None:
            if call.id == "b":
                second.set()
            await second.wait()

        async with served(Plane(gate)) as (_, client):
            stream = client(OWN, "Stream", each(request("a"), request("b"), request("c", "no")))
            answers = [answer async for answer in stream]
        assert [answer.id for answer in answers] == ["a", "b", "c"]
        assert answers[2].error.code == "NOT_FOUND"

    within(story())


def test_a_window_bounds_what_a_stream_has_under_way() -> None:
    async def story() -> None:
        plane = Plane(lambda _: asyncio.sleep(0))
        async with served(plane, options=Options(window=3)) as (_, client):
            asked = each(*(request(str(number)) for number in range(50)))
            answers = [answer.id async for answer in client(OWN, "Stream", asked)]
        assert answers == list(map(str, range(50)))
        assert plane.most_under_way <= 3

    within(story())
