"""The Open Inference Protocol over a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
import pytest

from pointsman.client.headers import ERROR
from pointsman.errors import FAILED_PRECONDITION, Failure
from pointsman.gateway.call import Call
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.v1 import inference_pb2 as pb
from tests.unit.gateway.grpc.doors import OIP, Ack, Client, Plane, each, infer, refusal, served, within


def test_a_request_reaches_the_plane_and_its_answer_comes_back_raw() -> None:
    async def story() -> None:
        plane = Plane()
        metadata = (("x-pointsman-unit", "u-1"), ("x-pointsman-label", "live"), ("traceparent", "00-1"))
        async with served(plane) as (_, client):
            asked = infer("17", model_version="1", outputs=[{"name": "x"}])
            asked.parameters["timeout"].int64_param = 2_000_000
            call = client(OIP, "ModelInfer", asked, metadata=metadata)
            answer = await call
            trailing = dict(await call.trailing_metadata())
        assert (answer.id, answer.model_name, answer.model_version) == ("17", "m", "1")
        assert list(answer.raw_output_contents) == [plane.calls[0].tensors[0].raw]
        assert answer.parameters["epoch"].int64_param == 7
        assert trailing["x-pointsman-decision"] == "m:1:7"
        asked_of = plane.calls[0]
        assert (asked_of.unit, asked_of.label, asked_of.version) == ("u-1", "live", "1")
        assert (asked_of.traceparent, asked_of.timeout_ms) == ("00-1", 2_000)

    within(story())


def test_a_request_without_an_id_has_that_of_its_metadata() -> None:
    async def story() -> None:
        async with served() as (_, client):
            call = client(OIP, "ModelInfer", infer(), metadata=(("x-request-id", "r-9"),))
            assert (await call).id == "r-9"
            assert dict(await call.trailing_metadata())["x-request-id"] == "r-9"

    within(story())


@pytest.mark.parametrize(
    ("asked", "code", "said", "field"),
    [
        (infer(model="no"), "NOT_FOUND", "Request for unknown model: 'no' is not found", "model"),
        (infer(model=""), "INVALID_ARGUMENT", "the request names no model", "model_name"),
        (infer(raw_input_contents=[b"1"]), "INVALID_ARGUMENT", "cannot both be given", "x"),
        (b"\xff", "INVALID_ARGUMENT", "no inference.ModelInferRequest", ""),
        (infer(model="bug"), "INTERNAL", "the gateway could not answer", ""),
        (infer(outputs=[{"name": "y"}]), "INVALID_ARGUMENT", "unexpected inference output", "y"),
    ],
)
def test_a_failure_is_the_status_and_is_whole_in_the_metadata(
    asked: Any, code: str, said: str, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with served() as (_, client):
            error = await refusal(client(OIP, "ModelInfer", asked))
        assert error.code().name == code
        assert said in error.details()
        assert "secret" not in error.details()
        whole = pb.Error.FromString(dict(error.trailing_metadata())[ERROR])
        assert (whole.code, whole.field) == (code, field)

    within(story())
    assert ("/secret/path" in caplog.text) == (code == "INTERNAL")


def test_a_deadline_reaches_the_plane_and_ends_its_work() -> None:
    async def story() -> None:
        plane = Plane(lambda _: asyncio.Event().wait())
        async with served(plane) as (_, client):
            asked = infer("late")
            asked.parameters["timeout"].int64_param = 60_000_000
            error = await refusal(client(OIP, "ModelInfer", asked, timeout=0.2))
            assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            await plane.let_go.wait()
        assert plane.cancelled == ["late"]
        assert 0 < plane.calls[0].timeout_ms < 1_000  # gRPC rounds a deadline up on its way

    within(story())


def test_a_caller_who_leaves_cancels_the_work() -> None:
    async def story() -> None:
        plane = Plane(lambda _: asyncio.Event().wait())
        async with served(plane) as (_, client):
            call = client(OIP, "ModelInfer", infer("gone"))
            await plane.arrived.wait()
            call.cancel()
            await plane.let_go.wait()
        assert plane.cancelled == ["gone"]

    within(story())


def test_a_stream_answers_in_order_though_the_last_is_ready_first() -> None:
    async def story() -> None:
        gates = {str(number): asyncio.Event() for number in range(20)}

        async def gate(call: Call) -> None:
            if call.id == "19":
                for event in gates.values():
                    event.set()
            await gates[call.id].wait()

        plane = Plane(gate)
        async with served(plane) as (_, client):
            stream = client(OIP, "ModelStreamInfer", each(*(infer(name) for name in gates)))
            answers = [answer async for answer in stream]
        assert [answer.infer_response.id for answer in answers] == list(gates)
        assert all(answer.infer_response.parameters["triton_final_response"].bool_param for answer in answers)
        assert plane.most_under_way == 20

    within(story())


def test_an_error_in_a_stream_is_an_answer_in_its_place() -> None:
    async def story() -> None:
        async with served() as (_, client):
            asked = each(infer("a"), b"\xff", infer("c", model="no"), infer("d", model="bug"), infer("e"))
            answers = [answer async for answer in client(OIP, "ModelStreamInfer", asked)]
        assert [answer.infer_response.id for answer in answers] == ["a", "", "c", "d", "e"]
        assert [bool(answer.error_message) for answer in answers] == [False, True, True, True, False]
        assert answers[2].error_message == "Request for unknown model: 'no' is not found"

    within(story())


def test_a_stream_that_is_left_cancels_all_that_it_started() -> None:
    async def story() -> None:
        plane = Plane()

        async def gate(call: Call) -> None:
            if call.id == "2":
                plane.let_go.set()
            await asyncio.Event().wait()

        plane = Plane(gate)
        async with served(plane) as (_, client):
            stream = client(OIP, "ModelStreamInfer", each(infer("0"), infer("1"), infer("2")))
            await plane.let_go.wait()
            plane.let_go.clear()
            stream.cancel()
            while len(plane.cancelled) < 3:
                await plane.let_go.wait()
                await asyncio.sleep(0)
        assert sorted(plane.cancelled) == ["0", "1", "2"]

    within(story())


async def _models(client: Client) -> None:
    assert (await client(OIP, "ServerLive", oip.ServerLiveRequest())).live
    assert (await client(OIP, "ServerMetadata", oip.ServerMetadataRequest())).name == "pointsman"
    for version, is_ready in (("", True), ("1", True), ("2", False)):
        asked = oip.ModelReadyRequest(name="m", version=version)
        assert (await client(OIP, "ModelReady", asked)).ready is is_ready
    metadata = await client(OIP, "ModelMetadata", oip.ModelMetadataRequest(name="m"))
    assert (list(metadata.versions), metadata.platform) == (["1"], "torch")
    assert (metadata.inputs[0].name, list(metadata.inputs[0].shape)) == ("x", [-1, 2])
    config = (await client(OIP, "ModelConfig", oip.ModelConfigRequest(name="m"))).config
    assert (config.max_batch_size, list(config.input[0].dims)) == (256, [2])
    assert config.HasField("dynamic_batching")
    index = await client(OIP, "RepositoryIndex", oip.RepositoryIndexRequest())
    states = [(model.version, model.state, model.reason) for model in index.models]
    failed = ("3", "UNAVAILABLE", "failed to load: no such file")
    assert states == [("1", "READY", ""), ("2", "LOADING", ""), failed]
    ready = await client(OIP, "RepositoryIndex", oip.RepositoryIndexRequest(ready=True))
    assert [model.version for model in ready.models] == ["1"]


def test_models_are_described_from_their_tables() -> None:
    async def story() -> None:
        async with served() as (_, client):
            await _models(client)
            for name, version in (("no", ""), ("m", "9")):
                asked = oip.ModelReadyRequest(name=name, version=version)
                assert not (await client(OIP, "ModelReady", asked)).ready
            error = await refusal(client(OIP, "ModelMetadata", oip.ModelMetadataRequest(name="no")))
            assert error.details() == "Request for unknown model: 'no' is not found"
            error = await refusal(
                client(OIP, "ModelMetadata", oip.ModelMetadataRequest(name="m", version="9"))
            )
            assert error.details() == "Request for unknown model: 'm' version 9 is not found"

    within(story())


def test_statistics_count_requests_rows_and_passes() -> None:
    async def story() -> None:
        async with served() as (_, client):
            for _ in range(4):
                await client(OIP, "ModelInfer", infer())
            await refusal(client(OIP, "ModelInfer", infer(model="no")))
            asked = oip.ModelStatisticsRequest(name="m", version="1")
            (found,) = (await client(OIP, "ModelStatistics", asked)).model_stats
            everything = await client(OIP, "ModelStatistics", oip.ModelStatisticsRequest())
        assert (found.inference_count, found.execution_count) == (4, 1)
        assert (found.inference_stats.success.count, found.inference_stats.queue.ns) == (4, 20_000)
        assert found.inference_stats.compute_infer.ns == 36_000
        assert [model.name for model in everything.model_stats] == ["m"]

    within(story())


def test_loading_is_a_command_and_its_refusal_a_status() -> None:
    async def story() -> None:
        commands: list[Mapping[str, Any]] = []

        async def control(command: Mapping[str, Any]) -> Ack:
            commands.append(command)
            return Ack() if "load" in command else Ack(Failure(FAILED_PRECONDITION, "it is in use"))

        parameters = {"config": oip.ModelRepositoryParameter(string_param="{}")}
        load = oip.RepositoryModelLoadRequest(model_name="m", parameters=parameters)
        unload = oip.RepositoryModelUnloadRequest(model_name="m")
        async with served(control=control) as (_, client):
            await client(OIP, "RepositoryModelLoad", load)
            error = await refusal(client(OIP, "RepositoryModelUnload", unload))
        assert (error.code().name, error.details()) == (FAILED_PRECONDITION, "it is in use")
        what = {"model": "m", "repository": "", "parameters": {"config": "{}"}}
        assert commands[0] == {"load": what}

        async def repository(_: Mapping[str, Any]) -> Ack:
            return Ack(Failure(FAILED_PRECONDITION, "failed to load 'm': no such file"))

        async with served(control=repository) as (_, client):
            error = await refusal(client(OIP, "RepositoryModelLoad", load))
        assert error.details() == "failed to load 'm': no such file"
        async with served() as (_, client):
            error = await refusal(client(OIP, "RepositoryModelLoad", load))
        assert "failed to load 'm', models are not controlled through this gateway" in error.details()

    within(story())
