"""The client on a real broker; a responder plays the job and answers as told."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from pointsman import topics
from pointsman.client import Client
from pointsman.client.reader import Reader
from pointsman.errors import ClientError, Refused, TimedOut
from pointsman.localstack.ports import reserve
from pointsman.pb.v1 import inference_pb2 as pb
from tests.integration.responder import Responder, in_a_loop

ROW = np.array([[1, 2]], np.float32)


@in_a_loop
async def test_a_prediction_comes_back_by_its_id(kafka: str, responder: Responder) -> None:
    async with Client(kafka) as client:
        prediction = await client.predict("echo", {"x": ROW}, unit="u", timeout=30)
    assert prediction.outputs["x"].tolist() == [[1, 2]]
    assert (prediction.model, prediction.version, prediction.epoch) == ("echo", "1", 3)
    assert (responder.seen[0].unit, responder.seen[0].timeout_ms) == ("u", 30_000)


@in_a_loop
async def test_many_predictions_at_once_get_their_own_answers(kafka: str, responder: Responder) -> None:
    async def one(client: Client, number: int) -> bool:
        array = np.array([[number]], np.int64)
        prediction = await client.predict("echo", {"x": array}, timeout=60)
        return bool(prediction.outputs["x"][0, 0] == number)

    async with Client(kafka) as client:
        assert all(await asyncio.gather(*(one(client, number) for number in range(500))))


@in_a_loop
async def test_a_refusal_is_raised_with_its_code(kafka: str, responder: Responder) -> None:
    async with Client(kafka) as client:
        with pytest.raises(Refused, match="no such model") as refused:
            await client.predict("refusing", ROW, timeout=30)
    assert refused.value.failure.code == "NOT_FOUND"


@in_a_loop
async def test_no_answer_is_a_timeout(kafka: str, responder: Responder) -> None:
    async with Client(kafka) as client:
        await client.predict("echo", ROW, timeout=30)
        with pytest.raises(TimedOut, match="silent"):
            await client.predict("silent", ROW, timeout=0.3)


@in_a_loop
async def test_submitted_requests_come_out_of_results(kafka: str, responder: Responder) -> None:
    async with Client(kafka) as client:
        sent = [await client.submit("echo", ROW) for _ in range(20)]
        sent.append(await client.submit("refusing", ROW))
        results = [prediction async for prediction in client.results(timeout=30)]
    assert {prediction.id for prediction in results} == set(sent)
    assert [prediction.id for prediction in results if prediction.failure is not None] == sent[-1:]


@in_a_loop
async def test_an_interactive_request_takes_its_own_lane(kafka: str, responder: Responder) -> None:
    async with Client(kafka) as client:
        await client.predict("echo", {"x": ROW}, timeout=30, interactive=True)
        await client.submit("echo", {"x": ROW}, interactive=True)
        assert len([one async for one in client.results(timeout=30)]) == 1
        await client.predict("echo", {"x": ROW}, timeout=30)
    assert responder.topics == [topics.INTERACTIVE, topics.INTERACTIVE, topics.REQUESTS]
    lanes = [request.lane for request in responder.seen]
    assert lanes == [pb.LANE_INTERACTIVE, pb.LANE_INTERACTIVE, pb.LANE_STREAM]


@in_a_loop
async def test_results_say_how_many_are_missing(kafka: str, responder: Responder) -> None:
    async with Client(kafka) as client:
        await client.submit("silent", ROW)
        with pytest.raises(TimedOut, match="1 requests are without answer"):
            [prediction async for prediction in client.results(timeout=0.3)]


@in_a_loop
async def test_a_record_that_is_too_large_fails_alone(kafka: str, responder: Responder) -> None:
    large = np.zeros((1, topics.MAX_REQUEST_BYTES), np.uint8)
    async with Client(kafka) as client:
        with pytest.raises(ClientError, match="did not take the record"):
            await client.predict("echo", large, timeout=30)
        assert (await client.predict("echo", ROW, timeout=30)).version == "1"


@in_a_loop
async def test_a_batch_never_outgrows_the_topics_limit(kafka: str, responder: Responder) -> None:
    half = np.zeros((1, topics.MAX_REQUEST_BYTES // 2 - 1024), np.uint8)
    async with Client(kafka) as client:
        for _ in range(40):
            await client.submit("echo", half)
        results = [prediction async for prediction in client.results(timeout=30)]
    assert [prediction.failure for prediction in results] == [None] * 40


@in_a_loop
async def test_a_command_gets_its_acknowledgement(kafka: str, responder: Responder) -> None:
    async with Client(kafka) as client:
        ack = await client.control({"model": "echo", "split": {"1": 100}}, timeout=30)
        assert (ack.ok, ack.epoch, ack.error) == (True, 4, None)
        assert await client.apply({"model": "echo", "versions": {}}, timeout=30) == 4
        refused = await client.control({"model": "refusing", "split": {}}, timeout=30)
        assert refused.error is not None
        assert (refused.ok, refused.error.field) == (False, "split")
        with pytest.raises(Refused):
            await client.apply({"model": "refusing"}, timeout=30)


@in_a_loop
async def test_events_are_heard_from_the_call_on(kafka: str, responder: Responder) -> None:
    async with Client(kafka) as client:
        events = await client.events()
        await client.control({"id": "c-1", "model": "echo", "split": {}}, timeout=30)
        assert (await anext(events))["command"] == "c-1"


@in_a_loop
async def test_a_broker_that_is_away_is_an_error() -> None:
    reservation = reserve()
    reservation.release()
    async with Client(f"127.0.0.1:{reservation.port}") as client:
        with pytest.raises((TimedOut, ClientError)):
            await client.control({"model": "echo", "split": {}}, timeout=0.5)


def test_a_reader_reads_to_the_end_and_stops(kafka: str, responder: Responder) -> None:
    for number in range(3):
        responder.write(topics.ROUTES, f"m{number}", b"x")
    with Reader(kafka, topics.ROUTES) as reader:
        assert [message.key() for message in reader.to_end()][-3:] == [b"m0", b"m1", b"m2"]


def test_a_reader_of_a_topic_that_is_missing_says_so(kafka: str) -> None:
    with Reader(kafka, "nowhere") as reader, pytest.raises(ClientError, match="nowhere"):
        list(reader.to_end())
