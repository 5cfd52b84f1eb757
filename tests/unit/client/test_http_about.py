"""What a gateway says of itself and its models, to both clients."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pointsman.client.about import Health, Metadata, ModelVersion
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import ClientError, Refused
from tests.unit.client.gateway import Gateway, in_turn

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


@KINDS
def test_models_are_the_repositorys_index(kind: str) -> None:
    entry = {"name": "m", "version": "1", "state": "LOADING", "reason": "warming up", "more": 1}
    gateway = Gateway(in_turn(httpx.Response(200, json=[entry])))
    found = gateway.ask(kind, lambda client: client.models())
    assert found == [ModelVersion("m", "1", "LOADING", "warming up")]
    (request,) = gateway.requests
    assert (request.method, request.url.path) == ("POST", "/v2/repository/index")


@KINDS
def test_metadata_are_the_signature_and_the_ready_versions(kind: str) -> None:
    tensor = {"name": "x", "datatype": "FP32", "shape": [-1, 4], "parameters": {}}
    said = {"name": "m", "versions": ["1"], "platform": "torch", "inputs": [tensor], "outputs": []}
    gateway = Gateway(in_turn(httpx.Response(200, json=said)))
    found = gateway.ask(kind, lambda client: client.metadata("m", version="1"))
    assert found == Metadata("m", ("1",), "torch", Signature((TensorSpec("x", "FP32", (-1, 4)),)))
    assert gateway.requests[0].url.path == "/v2/models/m/versions/1"


@pytest.mark.parametrize("act", [lambda client: client.models(), lambda client: client.metadata("m")])
def test_what_is_read_is_asked_for_again_and_must_be_what_it_should(act: Any) -> None:
    gateway = Gateway(in_turn(httpx.Response(503), httpx.Response(200, content=b"<html>")))
    with pytest.raises(ClientError, match="cannot be read"):
        gateway.ask("sync", act)
    assert len(gateway.requests) == 2


def test_metadata_of_an_unknown_model_are_refused() -> None:
    gateway = Gateway(in_turn(httpx.Response(404, json={"error": "unknown"})))
    with pytest.raises(Refused, match="NOT_FOUND: unknown"):
        gateway.ask("sync", lambda client: client.metadata("m"))


@KINDS
@pytest.mark.parametrize(("status", "is_ready"), [(200, True), (503, False), (404, False), (400, False)])
def test_ready_is_the_status_and_asks_once(kind: str, status: int, is_ready: bool) -> None:
    gateway = Gateway(in_turn(httpx.Response(status)))
    assert gateway.ask(kind, lambda client: client.ready("m")) is is_ready
    assert gateway.requests[0].url.path == "/v2/models/m/ready"


def test_ready_without_a_key_is_refused_and_not_false() -> None:
    with pytest.raises(Refused, match="UNAUTHENTICATED"):
        Gateway(in_turn(httpx.Response(401))).ask("sync", lambda client: client.ready("m"))


@KINDS
@pytest.mark.parametrize(("status", "is_ready"), [(200, True), (503, False), (400, False)])
def test_health_tells_an_answer_from_a_ready_one(kind: str, status: int, is_ready: bool) -> None:
    gateway = Gateway(in_turn(httpx.Response(status)))
    assert gateway.ask(kind, lambda client: client.health()) == Health(live=True, ready=is_ready)
    assert gateway.requests[0].url.path == "/v2/health/ready"


@KINDS
def test_health_of_nobody_is_an_error_at_once(kind: str) -> None:
    gateway = Gateway(in_turn(httpx.ConnectError("refused")))
    with pytest.raises(ClientError, match="nothing answers"):
        gateway.ask(kind, lambda client: client.health())
    assert gateway.slept == []


@pytest.mark.parametrize("act", ["metadata", "ready"])
def test_a_name_that_is_none_is_refused_before_it_becomes_a_path(act: str) -> None:
    with pytest.raises(Refused, match="is no name"):
        Gateway().ask("sync", lambda client: getattr(client, act)("../m"))
