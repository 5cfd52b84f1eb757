"""Requests over HTTP and their answers, with both clients."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.client.http import HttpClient
from pointsman.core.tensor import DTYPES
from pointsman.errors import INVALID_ARGUMENT, ClientError, Failure, Refused, SettingsError
from tests.unit.client.gateway import DECISION, LENGTH, Gateway, in_turn

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])
ROW = np.array([[1.5, 2.5]], np.float32)

shapes = st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple)


def refused(inputs: Any, **options: Any) -> Failure:
    with pytest.raises(Refused) as raised:
        Gateway().ask("sync", lambda client: client.predict("m", inputs, **options))
    return raised.value.failure


@given(st.sampled_from(sorted(DTYPES)), shapes, st.sampled_from(["sync", "async"]), st.data())
def test_any_array_comes_back_bit_by_bit(datatype: str, shape: Any, kind: str, data: st.DataObject) -> None:
    dtype, count = DTYPES[datatype], int(np.prod(shape, dtype=int))
    array: Any
    if datatype == "BYTES":
        array = np.empty(count, dtype=object)
        array[:] = data.draw(st.lists(st.binary(max_size=5), min_size=count, max_size=count))
        array = array.reshape(shape)
    else:
        raw = data.draw(st.binary(min_size=count * dtype.itemsize, max_size=count * dtype.itemsize))
        raw = bytes(byte & 1 for byte in raw) if datatype == "BOOL" else raw
        array = np.frombuffer(raw, dtype).reshape(shape)
    gateway = Gateway()
    back = gateway.ask(kind, lambda client: client.predict("m", {"x": array})).outputs["x"]
    assert (back.dtype, back.shape) == (dtype, shape)
    assert back.tolist() == array.tolist() if datatype == "BYTES" else back.tobytes() == array.tobytes()
    assert gateway.requests[0].headers["content-type"] == "application/octet-stream"


@KINDS
def test_the_answer_names_who_decided_what(kind: str) -> None:
    prediction = Gateway().ask(kind, lambda client: client.predict("m", ROW, id="mine"))
    assert (prediction.id, prediction.model, prediction.version, prediction.arm) == ("mine", "m", "2", "b")
    assert (prediction.epoch, prediction.decision_id, prediction.attempt) == (7, "d", 1)
    assert prediction.outputs["input"].tolist() == ROW.tolist()


@KINDS
def test_all_that_is_asked_is_in_path_and_headers(kind: str) -> None:
    gateway = Gateway()
    gateway.ask(
        kind,
        lambda client: client.predict(
            "m", ROW, version="v2", label="canary", unit="user 1", id="mine", timeout=1.5
        ),
        key="pm_key",
    )
    (request,) = gateway.requests
    assert (request.method, request.url.path) == ("POST", "/v2/models/m/versions/v2/infer")
    wanted = {
        "x-pointsman-label": "canary", "x-pointsman-unit": "user 1", "x-pointsman-timeout-ms": "1500",
        "x-request-id": "mine", "authorization": "Bearer pm_key",
    }  # fmt: skip
    assert {name: request.headers[name] for name in wanted} == wanted


def test_what_nobody_asked_is_in_no_header() -> None:
    gateway = Gateway()
    gateway.ask("sync", lambda client: client.predict("m", ROW))
    headers = gateway.requests[0].headers
    assert not {"x-pointsman-label", "x-pointsman-unit", "authorization"} & set(headers)
    assert headers["x-request-id"]


def test_the_key_is_the_arguments_or_else_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_KEY", "pm_environment")
    gateway = Gateway()
    for options in ({}, {"key": "pm_argument"}, {"key": ""}):
        gateway.ask("sync", lambda client: client.predict("m", ROW), **options)
    assert [request.headers.get("authorization") for request in gateway.requests] == [
        "Bearer pm_environment", "Bearer pm_argument", None,
    ]  # fmt: skip


@KINDS
def test_a_body_with_inputs_goes_as_it_is_and_null_is_nan(kind: str) -> None:
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [3]}], "id": "its own"}
    output = {"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [1.5, None]}
    gateway = Gateway(in_turn(httpx.Response(200, json={"model_version": "9", "outputs": [output]})))
    prediction = gateway.ask(kind, lambda client: client.predict("m", body))
    assert np.array_equal(prediction.outputs["y"], [[1.5, np.nan]], equal_nan=True)
    assert prediction.version == "9"
    (request,) = gateway.requests
    assert (request.url.path, request.headers["content-type"]) == ("/v2/models/m/infer", "application/json")
    assert msgspec.json.decode(request.content) == body


@KINDS
@pytest.mark.parametrize("inputs", [{"instances": [[1, 2]]}, [[1, 2]]])
def test_instances_take_the_path_of_tensorflow_serving(kind: str, inputs: Any) -> None:
    gateway = Gateway(in_turn(httpx.Response(200, headers=DECISION, json={"predictions": [[0.5], [1]]})))
    prediction = gateway.ask(kind, lambda client: client.predict("m", inputs, version="3"))
    assert prediction.outputs["predictions"].tolist() == [[0.5], [1.0]]
    assert (prediction.version, prediction.epoch) == ("2", 7)
    assert gateway.requests[0].url.path == "/v1/models/m/versions/3:predict"
    assert msgspec.json.decode(gateway.requests[0].content) == {"instances": [[1, 2]]}


@pytest.mark.parametrize("inputs", [{"age": 3}, {}, {"x": ROW, "y": 3}, {"instances": {1j}}, {"inputs": 1j}])
def test_a_body_that_http_has_no_place_for_is_refused_before_it_is_sent(inputs: Any) -> None:
    failure = refused(inputs)
    assert (failure.code, failure.field) == (INVALID_ARGUMENT, "inputs")


def test_an_array_without_counterpart_is_refused() -> None:
    assert refused(np.zeros(1, np.complex64)).code == INVALID_ARGUMENT


@pytest.mark.parametrize("field", ["version", "label"])
@pytest.mark.parametrize("name", ["../x", "A", "x y", "x" * 64])
def test_what_can_be_no_name_is_refused_before_it_becomes_a_path(field: str, name: str) -> None:
    assert refused(ROW, **{field: name}).field == field
    with pytest.raises(Refused, match="is no name"):
        Gateway().ask("sync", lambda client: client.predict(name, ROW))


@pytest.mark.parametrize("field", ["unit", "id"])
@pytest.mark.parametrize("text", ["user\r\nx-admin: yes", "grün", " padded", "\0"])
def test_what_can_be_no_header_is_refused_with_its_field(field: str, text: str) -> None:
    assert refused(ROW, **{field: text}).field == field


@KINDS
@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({}, b"<html>"),
        ({}, b"{}"),
        ({}, b'{"outputs": [{"name": "y", "datatype": "FP32", "shape": [2], "data": [1]}]}'),
        ({}, b'{"outputs": [{"name": "y", "datatype": "FP32", "shape": [2]}]}'),
        ({}, b'{"outputs": [{"name": "y", "datatype": "XX", "shape": [2], "data": [1]}]}'),
        ({LENGTH: "x"}, b"{}"),
        ({LENGTH: "99"}, b"{}"),
        ({LENGTH: "14"}, b'{"outputs":[]}left over'),
    ],
)
def test_an_answer_that_cannot_be_read_says_so(kind: str, headers: dict[str, str], content: bytes) -> None:
    gateway = Gateway(in_turn(httpx.Response(200, headers=headers, content=content)))
    with pytest.raises(ClientError, match="cannot be read"):
        gateway.ask(kind, lambda client: client.predict("m", ROW))


def test_predictions_that_cannot_be_read_say_so() -> None:
    gateway = Gateway(in_turn(httpx.Response(200, json={"outputs": []})))
    with pytest.raises(ClientError, match="predictions"):
        gateway.ask("sync", lambda client: client.predict("m", [[1]]))


@pytest.mark.parametrize(
    "url",
    ["", "gateway:80", "ftp://gateway", "http://", "http://a:secret@gateway", "http://x?q=secret",
     "http://x:99999", f"http://{'a' * 64}"],
)  # fmt: skip
def test_a_url_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="http://HOST:PORT") as raised:
        HttpClient(url)
    assert "secret" not in str(raised.value)


def test_a_key_or_a_number_of_retries_that_cannot_be_is_refused() -> None:
    with pytest.raises(SettingsError, match="key") as raised:
        HttpClient("http://gateway", key="pm_secret\n")
    assert "secret" not in str(raised.value)
    with pytest.raises(SettingsError, match="retries is -1"):
        HttpClient("http://gateway", retries=-1)


def test_a_server_below_a_path_keeps_its_path() -> None:
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json=[])

    with HttpClient("https://host/models/", transport=httpx.MockTransport(handle)) as client:
        client.models()
    assert asked == ["https://host/models/v2/repository/index"]
