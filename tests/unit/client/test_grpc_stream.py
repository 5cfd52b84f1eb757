"""Streams of requests over one gRPC call, with both clients before the gateway's own doors."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointsman.client.grpc import Ask, AsyncGrpcClient, GrpcClient
from pointsman.client.prediction import Prediction
from pointsman.errors import NOT_FOUND, UNAUTHENTICATED, ClientError, Refused, TimedOut
from pointsman.gateway.access import Access
from pointsman.gateway.call import Call
from pointsman.gateway.keyring import Keyring
from tests.unit.client.grpc_gateway import KINDS, all_of, asked, before, told
from tests.unit.gateway.grpc.doors import Plane, served
from tests.unit.gateway.keys import Clock, key, write


def row(number: float) -> Ask:
    return Ask("m", np.array([[number]], np.float32), id=f"r-{number:g}")


def rows(count: int) -> list[Ask]:
    return [row(number) for number in range(count)]


def values(predictions: list[Prediction]) -> list[float]:
    return [float(prediction.outputs["input"][0, 0]) for prediction in predictions]


@KINDS
def test_answers_come_in_the_order_of_the_requests(kind: str) -> None:
    last_first = asyncio.Event()

    async def gate(call: Call) -> None:
        if call.id == "r-9":
            last_first.set()
        await last_first.wait()

    plane = Plane(gate)
    predictions = before(plane, kind, all_of(rows(10), timeout=7.0))
    assert values(predictions) == list(range(10))
    assert [prediction.id for prediction in predictions] == [f"r-{number}" for number in range(10)]
    assert (predictions[0].version, predictions[0].epoch, predictions[0].batch_rows) == ("1", 7, 4)
    assert {call.timeout_ms for call in plane.calls} == {7_000}
    assert plane.most_under_way == 10


@KINDS
def test_many_more_than_are_under_way_at_once_are_answered(kind: str) -> None:
    plane = Plane(lambda _: asyncio.sleep(0))
    assert values(before(plane, kind, all_of(rows(500)))) == list(range(500))
    assert plane.most_under_way <= 64


@KINDS
def test_a_stream_of_none_is_empty(kind: str) -> None:
    assert before(Plane(), kind, all_of([])) == []


@KINDS
def test_a_failure_takes_the_place_of_its_answer_and_costs_no_other(kind: str) -> None:
    requests = [row(0), Ask("no", np.zeros(1)), Ask("m", np.zeros(1), unit="ä", version="3"), row(3)]
    answers = before(Plane(), kind, all_of(requests))
    failures = [prediction.failure for prediction in answers]
    assert [failure is None for failure in failures] == [True, False, True, True]
    assert failures[1].code == NOT_FOUND
    assert (answers[1].outputs, answers[2].version) == ({}, "3")
    assert answers[2].id


class Broken(Exception):
    pass


@KINDS
def test_what_the_requests_raise_is_raised_after_the_answers_to_those_before(kind: str) -> None:
    def requests() -> Iterator[Ask]:
        yield from rows(3)
        raise Broken

    found: list[Prediction] = []
    with pytest.raises(Broken):
        before(Plane(), kind, all_of(requests(), found))
    assert values(found) == [0, 1, 2]


@KINDS
def test_a_request_without_a_form_ends_the_stream_in_its_place(kind: str) -> None:
    found: list[Prediction] = []
    with pytest.raises(Refused, match="complex64"):
        before(Plane(), kind, all_of([row(0), Ask("m", np.zeros(1, np.complex64)), row(2)], found))
    assert values(found) == [0]


def doubled(client: GrpcClient) -> list[float]:
    found: list[float] = []
    answered = threading.Semaphore(0)

    def requests() -> Iterator[Ask]:
        yield row(1)
        for _ in range(4):
            answered.acquire()
            yield row(2 * found[-1])

    for prediction in client.stream(requests()):
        found += values([prediction])
        answered.release()
    return found


async def doubled_in_time(client: AsyncGrpcClient) -> list[float]:
    found: list[float] = []
    answers: asyncio.Queue[float] = asyncio.Queue()

    async def requests() -> AsyncIterator[Ask]:
        yield row(1)
        for _ in range(4):
            yield row(2 * await answers.get())

    async for prediction in client.stream(requests()):
        found += values([prediction])
        answers.put_nowait(found[-1])
    return found


@KINDS
def test_a_request_may_be_made_of_the_answer_to_the_one_before(kind: str) -> None:
    act: Any = doubled if kind == "sync" else doubled_in_time
    assert before(Plane(), kind, act) == [1, 2, 4, 8, 16]


@KINDS
def test_who_stops_to_iterate_gives_up_what_is_under_way(kind: str) -> None:
    more = asyncio.Event()

    async def gate(call: Call) -> None:
        if call.id == "r-0":
            await more.wait()
        else:
            more.set()
            await asyncio.Event().wait()

    plane = Plane(gate)

    def first(client: GrpcClient) -> Prediction:
        with contextlib.closing(client.stream(map(row, itertools.count()))) as stream:
            return next(stream)

    async def first_too(client: AsyncGrpcClient) -> Prediction:
        async with contextlib.aclosing(client.stream(map(row, range(100)))) as stream:
            return await anext(stream)

    async def story() -> None:
        async with served(plane) as (server, _):
            url = f"grpc://127.0.0.1:{server.port}"
            answer = await asked(kind, url, first if kind == "sync" else first_too)
            assert answer.id == "r-0"
            await plane.let_go.wait()

    told(story())


@KINDS
def test_a_stranger_is_refused_and_the_key_opens(kind: str, tmp_path: Path) -> None:
    write(tmp_path / "keys", key("ada"))
    clock = Clock()
    access = {"access": Access(Keyring(tmp_path / "keys", clock), clock)}
    with pytest.raises(Refused, match=UNAUTHENTICATED):
        before(Plane(), kind, all_of(rows(3)), access, key="")
    assert len(before(Plane(), kind, all_of(rows(3)), access, key="ada-text")) == 3


@KINDS
def test_a_gateway_that_stops_ends_the_stream_with_an_error_after_the_answers(kind: str) -> None:
    stuck = asyncio.Event()
    found: list[Prediction] = []

    async def gate(call: Call) -> None:
        if call.id == "r-2":
            stuck.set()
            await asyncio.Event().wait()

    async def story() -> None:
        async with served(Plane(gate)) as (server, _):
            url = f"grpc://127.0.0.1:{server.port}"
            task = asyncio.create_task(asked(kind, url, all_of(rows(5), found)))
            await stuck.wait()
            while len(found) < 2:  # the answers before are on their way
                await asyncio.sleep(0)
            await server.stop(0)
            with pytest.raises(ClientError, match=url):
                await task

    told(story())
    assert values(found) == [0, 1]


@KINDS
def test_without_time_nothing_is_sent(kind: str) -> None:
    plane = Plane()
    for timeout in (0.0, -1.0, float("nan")):
        with pytest.raises(TimedOut):
            before(plane, kind, all_of(rows(1), timeout=timeout))
    assert plane.calls == []


def test_the_requests_are_not_waited_for_once_the_stream_is_over() -> None:
    """Neither when its reader breaks off nor when the gateway ends it."""

    async def story() -> None:
        ended: list[str] = []

        async def requests(name: str) -> AsyncIterator[Ask]:
            try:
                yield row(0)
                await asyncio.Event().wait()
            finally:
                ended.append(name)

        async with served() as (server, _), AsyncGrpcClient(f"grpc://127.0.0.1:{server.port}") as client:
            async with contextlib.aclosing(client.stream(requests("broken off"))) as stream:
                assert (await anext(stream)).version == "1"
            assert ended == ["broken off"]
            stream = client.stream(requests("ended"))
            assert (await anext(stream)).version == "1"
            await server.stop(0)
            with pytest.raises(ClientError):
                await anext(stream)
            assert ended == ["broken off", "ended"]

    told(story())


def test_closing_an_asynchronous_client_ends_its_streams_with_an_error() -> None:
    async def gate(_: Call) -> None:
        await asyncio.Event().wait()

    plane = Plane(gate)

    async def story() -> None:
        async with served(plane) as (server, _):
            async with AsyncGrpcClient(f"grpc://127.0.0.1:{server.port}") as client:
                task = asyncio.create_task(all_of(rows(2))(client))
                await plane.arrived.wait()
            with pytest.raises(ClientError, match="closed"):
                await task

    told(story())


def test_threads_share_a_client_and_its_streams_stay_apart() -> None:
    def act(client: Any) -> list[list[float]]:
        def one(number: int) -> list[float]:
            single = client.predict("m", np.array([[number]], np.float32))
            return values([single, *client.stream(row(number) for _ in range(20))])

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, range(16)))

    assert before(Plane(), "sync", act) == [[number] * 21 for number in range(16)]
