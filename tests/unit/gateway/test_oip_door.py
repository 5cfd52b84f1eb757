from __future__ import annotations

import asyncio
import gzip
import random
import struct
import threading
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE, Failure
from pointsman.gateway import encoding
from pointsman.gateway.access import Access
from pointsman.gateway.call import Call
from pointsman.gateway.desk import Bounds
from pointsman.gateway.site import Site
from pointsman.http.app import Request, Response
from pointsman.http.budget import Budget, Hold
from pointsman.pb.v1 import inference_pb2 as pb
from tests.unit.gateway.scene import EchoPlane, Scene, run

TENSOR = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.5, 2.5]}
BODY = {"id": "mine", "inputs": [TENSOR]}
INFER = "/v2/models/m/infer"


def said(response: Response) -> Any:
    return msgspec.json.decode(response.body)


def test_a_request_is_answered_with_outputs_and_the_decision() -> None:
    response = Scene().ask("POST", INFER, BODY)
    body = said(response)
    assert (response.status, body["id"], body["model_version"]) == (200, "mine", "v1")
    assert body["outputs"] == [{"name": "y", "shape": [1, 2], "datatype": "FP32", "data": [1.5, 2.5]}]
    headers = dict(response.headers)
    assert headers["x-request-id"] == "mine"
    assert [headers[f"x-pointsman-{name}"] for name in ("version", "arm", "epoch", "decision")] == [
        "v1",
        "v1",
        "7",
        "d",
    ]


def test_version_unit_label_time_and_trace_reach_the_plane() -> None:
    scene = Scene()
    scene.ask(
        "POST",
        "/v2/models/m/versions/v2/infer",
        {"inputs": [TENSOR], "parameters": {"timeout": 1500}},
        x_pointsman_unit="user-1",
        x_pointsman_label="canary",
        x_request_id="rid",
        traceparent="00-1-2-01",
    )
    [call] = scene.plane.calls
    assert (call.version, call.unit, call.label, call.id) == ("v2", "user-1", "canary", "rid")
    assert (call.timeout_ms, call.traceparent) == (2, "00-1-2-01")


def test_binary_goes_in_and_comes_out() -> None:
    raw = struct.pack("<2f", 1.5, 2.5)
    tensor = {**TENSOR, "parameters": {"binary_data_size": 8}}
    del tensor["data"]
    text = msgspec.json.encode({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    response = Scene().ask("POST", INFER, text + raw, inference_header_content_length=str(len(text)))
    length = int(dict(response.headers)["Inference-Header-Content-Length"])
    assert response.content_type == "application/octet-stream"
    assert response.body[length:] == raw


def test_a_raw_body_is_the_only_input_of_the_model() -> None:
    scene = Scene()
    response = scene.ask("POST", INFER, struct.pack("<4f", 1, 2, 3, 4), inference_header_content_length="0")
    assert response.status == 200
    assert list(scene.plane.calls[0].tensors[0].shape) == [2, 2]


@pytest.mark.parametrize(
    ("length", "status"), [("-1", 400), ("x", 400), ("9" * 30, 400), ("1.5", 400), ("99", 400), ("²", 400)]
)
def test_a_length_of_the_json_that_cannot_be_is_refused(length: str, status: int) -> None:
    assert Scene().ask("POST", INFER, BODY, inference_header_content_length=length).status == status


def test_packed_requests_and_answers_are_unpacked_and_packed() -> None:
    big = {"name": "x", "shape": [1000, 2], "datatype": "FP32", "data": [1.5] * 2000}
    packed = gzip.compress(msgspec.json.encode({"inputs": [big]}))
    response = Scene().ask("POST", INFER, packed, content_encoding="gzip", accept_encoding="gzip")
    assert dict(response.headers)["Content-Encoding"] == "gzip"
    assert len(msgspec.json.decode(gzip.decompress(response.body))["outputs"][0]["data"]) == 2000


def test_tensors_in_binary_are_not_packed() -> None:
    parameters = {"binary_data_output": True}
    big = {"name": "x", "shape": [1000, 2], "datatype": "FP32", "data": [1.5] * 2000}
    asked = {"inputs": [big], "parameters": parameters}
    response = Scene().ask("POST", INFER, gzip.compress(msgspec.json.encode(asked)),
                           content_encoding="gzip", accept_encoding="gzip")  # fmt: skip
    assert (response.content_type, len(response.body) > 8000) == ("application/octet-stream", True)
    assert "Content-Encoding" not in dict(response.headers)


GZIP = {"content-encoding": "gzip"}


def test_a_packed_request_holds_itself_and_what_it_becomes() -> None:
    plain = msgspec.json.encode(BODY) + b" " * 90_000
    packed, budget = gzip.compress(plain), Budget(1 << 30)
    assert run(Scene().site, Request("POST", INFER, packed, GZIP, hold=Hold(budget))).status == 200
    assert budget.held == len(packed) + len(plain)  # until the connection lets go of it


def test_without_room_a_packed_request_is_refused_unless_it_stays_small() -> None:
    budget, site = Budget(100_000), Scene().site
    assert Hold(budget).resize(90_000)
    for spaces, status in ((0, 200), (60_000, 200), (90_000, 503)):
        packed = gzip.compress(msgspec.json.encode(BODY) + b" " * spaces)
        response = run(site, Request("POST", INFER, packed, GZIP, hold=Hold(budget)))
        assert response.status == status
    assert dict(response.headers)["retry-after"] == "1"


def test_packed_requests_that_come_at_once_do_not_keep_each_other_out() -> None:
    site, budget = Scene().site, Budget(512 << 20)
    numbers = [random.Random(seed).random() for seed in range(5_000)]
    body = {"inputs": [{"name": "x", "shape": [2_500, 2], "datatype": "FP32", "data": numbers}]}
    packed = gzip.compress(msgspec.json.encode(body))
    assert len(packed) * encoding.MOST_TIMES * 16 > 512 << 20

    async def story() -> list[Response]:
        requests = [Request("POST", INFER, packed, GZIP, hold=Hold(budget)) for _ in range(16)]
        return await asyncio.gather(*map(site, requests))

    assert {response.status for response in asyncio.run(story())} == {200}


@pytest.mark.parametrize(("count", "is_elsewhere"), [(1_000, False), (30_000, True)])
def test_long_answers_are_packed_where_they_hold_up_nobody(
    monkeypatch: pytest.MonkeyPatch, count: int, is_elsewhere: bool
) -> None:
    at: list[bool] = []

    def packed(body: bytes, how: str) -> bytes:
        at.append(threading.current_thread() is not threading.main_thread())
        return b"packed"

    async def long(_: Request) -> Response:
        return Response(bytes(4 * count), 200, "application/json")

    monkeypatch.setattr(encoding, "packed", packed)
    asked = Request("GET", "/v2", headers={"accept-encoding": "gzip"}, body=b"")
    assert run(Site({"v2": long}), asked).body == b"packed"
    assert at == [is_elsewhere]


@pytest.mark.parametrize(
    ("body_id", "header", "said_id"), [("mine", "rid", "mine"), ("", "rid", "rid"), ("", "", "")]
)
def test_the_id_is_the_bodys_or_the_headers_or_none(body_id: str, header: str, said_id: str) -> None:
    body = {"inputs": [TENSOR], **({"id": body_id} if body_id else {})}
    headers = {"x_request_id": header} if header else {}
    response = Scene(plane=InternalIds()).ask("POST", INFER, body, **headers)
    assert said(response).get("id", "") == said_id
    assert dict(response.headers).get("x-request-id", "") == said_id


class InternalIds(EchoPlane):
    """Answers under an id of its own, as the router's plane does."""

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """See Plane."""
        response = await super().infer(call)
        response.id = "internal-1"
        return response


def test_parameters_reach_the_plane_as_texts() -> None:
    scene = Scene()
    parameters = {"a": 1, "b": 0.5, "c": True, "d": "e", "timeout": 1000, "binary_data_output": False}
    scene.ask("POST", INFER, {"inputs": [TENSOR], "parameters": parameters})
    assert scene.plane.calls[0].parameters == {"a": "1", "b": "0.5", "c": "true", "d": "e"}


@pytest.mark.parametrize(
    ("failure", "status", "retry"),
    [
        (Failure(RESOURCE_EXHAUSTED, "full"), 429, "1"),
        (Failure(UNAVAILABLE, "away"), 503, "1"),
        (Failure(DEADLINE_EXCEEDED, "late"), 504, None),
    ],
)
def test_failures_have_their_status_and_say_when_to_come_again(
    failure: Failure, status: int, retry: str | None
) -> None:
    response = Scene(failure).ask("POST", INFER, BODY)
    assert (response.status, said(response)) == (status, {"error": failure.message})
    assert dict(response.headers).get("retry-after") == retry


def test_an_unknown_model_costs_the_plane_nothing() -> None:
    scene = Scene()
    response = scene.ask("POST", "/v2/models/nix/infer", BODY)
    assert response.status == 404
    assert said(response)["error"].startswith("Request for unknown model: 'nix'")
    assert scene.plane.calls == []
    [tally] = scene.desk.usage.snapshot()
    assert (tally.model, tally.errors) == ("_", {"NOT_FOUND": 1})


def test_a_gateway_that_has_not_read_all_tables_denies_no_model() -> None:
    scene = Scene()
    scene.desk._knows_all = lambda: False
    assert scene.ask("POST", "/v2/models/nix/infer", BODY).status == 503
    assert scene.ask("POST", INFER, BODY).status == 200


def test_usage_counts_rows_and_bytes() -> None:
    scene = Scene()
    for _ in range(3):
        scene.ask("POST", INFER, BODY)
    [tally] = scene.desk.usage.snapshot()
    assert (tally.requests, tally.rows, tally.bytes_in) == (3, 3, 3 * len(msgspec.json.encode(BODY)))
    assert tally.bytes_out > 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2", 200),
        ("/v2/", 200),
        ("/v2/health/live", 200),
        ("/v2/health/ready", 200),
        ("/v2/health/well", 404),
        ("/v2/models/m", 200),
        ("/v2/models/m/config", 200),
        ("/v2/models/m/versions/v1", 200),
        ("/v2/models/m/versions/v9", 404),
        ("/v2/models/m/ready", 200),
        ("/v2/models/m/versions/v1/ready", 200),
        ("/v2/models/m/versions/v2/ready", 503),
        ("/v2/models/m/versions/v9/ready", 404),
        ("/v2/models/dead/ready", 503),
        ("/v2/models/nix/ready", 404),
        ("/v2/models/stats", 200),
        ("/v2/models/m/stats", 200),
        ("/v2/models/m/versions/v9/stats", 404),
        ("/v2/models", 404),
        ("/v2/models//infer", 404),
        ("/v2/models/m/versions//infer", 404),
        ("/v2/models/m/explain", 404),
        ("/v2/models/m/infer", 405),
        ("/v2/repository/index", 405),
        ("/v2/nothing", 404),
        ("/nothing", 404),
        ("/", 404),
    ],
)
def test_every_path_has_its_answer(path: str, status: int) -> None:
    assert Scene().ask("GET", path).status == status


def test_before_it_is_ready_the_gateway_lives() -> None:
    scene = Scene(is_ready=False)
    assert scene.ask("GET", "/v2/health/live").status == 200
    response = scene.ask("GET", "/v2/health/ready")
    assert (response.status, said(response)["ready"]) == (503, False)


def test_json_beyond_its_bound_is_refused_and_binary_tensors_are_not() -> None:
    scene = Scene(bounds=Bounds(json=300))
    long = {"inputs": [{**TENSOR, "shape": [100, 2], "data": [1.0] * 200}]}
    refused = scene.ask("POST", INFER, long)
    assert (refused.status, "send binary tensors" in said(refused)["error"]) == (413, True)
    tensor = {"name": "x", "shape": [100, 2], "datatype": "FP32", "parameters": {"binary_data_size": 800}}
    text = msgspec.json.encode({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    answer = scene.ask("POST", INFER, text + bytes(800), inference_header_content_length=str(len(text)))
    assert answer.status == 200


def test_statistics_count_what_was_asked() -> None:
    scene = Scene()
    for _ in range(3):
        scene.ask("POST", INFER, {"inputs": [{**TENSOR, "shape": [2, 2], "data": [1, 2, 3, 4]}]})
    [found] = said(scene.ask("GET", "/v2/models/m/versions/v1/stats"))["model_stats"]
    assert (found["inference_count"], found["inference_stats"]["success"]["count"]) == (6, 3)
    assert said(scene.ask("GET", "/v2/models/dead/stats")) == {"model_stats": []}
    assert [one["name"] for one in said(scene.ask("GET", "/v2/models/stats"))["model_stats"]] == ["m"]


def test_totals_are_told_as_json_and_to_collectors() -> None:
    scene = Scene()
    scene.ask("POST", INFER, BODY)
    usage = said(scene.ask("GET", "/usage"))
    assert (usage["since_ms"], [one["requests"] for one in usage["usage"]]) == (5, [1])
    metrics = scene.ask("GET", "/metrics")
    assert b'pointsman_gateway_requests_total{key="_",model="m"} 1' in metrics.body
    assert metrics.content_type.startswith("application/openmetrics-text")
    assert scene.ask("POST", "/metrics").status == 405
    assert scene.ask("GET", "/metrics/more").status == 404


def test_models_are_loaded_and_unloaded_by_who_may() -> None:
    scene = Scene()
    assert scene.ask("POST", "/v2/repository/models/m/load").status == 200
    assert scene.ask("POST", "/v2/repository/models/m/unload").status == 400
    assert scene.repository.asked == [("load", "m"), ("unload", "m")]
    closed = Scene(access=Access(None, lambda: 0))
    assert closed.ask("POST", "/v2/repository/models/m/load").status == 403
    assert closed.repository.asked == []


def test_the_index_names_versions_and_states() -> None:
    names = [
        (one["name"], one["version"], one["state"])
        for one in said(Scene().ask("POST", "/v2/repository/index"))
    ]
    assert names == [("m", "v1", "READY"), ("m", "v2", "LOADING"), ("dead", "v1", "UNAVAILABLE")]
    ready = Scene().ask("POST", "/v2/repository/index", {"ready": True})
    assert [one["version"] for one in said(ready)] == ["v1"]


@given(st.binary(max_size=200), st.sampled_from(["", "0", "5", "200"]))
def test_no_body_whatever_it_is_breaks_the_door(body: bytes, length: str) -> None:
    headers = {"inference_header_content_length": length} if length else {}
    assert Scene().ask("POST", INFER, body, **headers).status in (200, 400)
