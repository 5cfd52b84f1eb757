"""Requests over gRPC and their answers, with both clients before the gateway's own doors."""

from __future__ import annotations

import asyncio
from operator import methodcaller
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.client.about import metadata_from, models_from
from pointsman.client.ask import Ask
from pointsman.client.grpc_answer import prediction_from, reading
from pointsman.client.grpc_core import written
from pointsman.client.http_answer import HttpAnswer, oip_prediction
from pointsman.client.http_core import HttpCore
from pointsman.client.insistence import Send, advance
from pointsman.client.prediction import Prediction
from pointsman.core.tensor import DTYPES
from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, ClientError, Refused
from pointsman.gateway.call import Call
from pointsman.gateway.grpc.caller import Caller
from pointsman.gateway.grpc.door import Door
from pointsman.gateway.grpc.own import Inference
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.tensors import tensor_to_pb
from tests.unit.client.grpc_gateway import KINDS, asked, before, told
from tests.unit.gateway.grpc.doors import Plane, served
from tests.unit.gateway.scene import TABLES, Scene

ROWS = np.array([[1.5, np.nan], [-0.0, 2.5]], np.float32)
names = st.from_regex("[a-z0-9][a-z0-9._-]{0,9}", fullmatch=True)


@KINDS
def test_the_gateway_understands_all_that_is_asked_and_is_understood(kind: str) -> None:
    plane = Plane()
    prediction = before(
        plane,
        kind,
        lambda client: client.predict("m", {"x": ROWS}, label="live", unit="u 1", id="mine", timeout=9),
    )
    assert prediction.outputs["x"].tobytes() == ROWS.tobytes()
    assert (prediction.id, prediction.model, prediction.version, prediction.arm) == ("mine", "m", "1", "a")
    assert (prediction.epoch, prediction.decision_id, prediction.attempt) == (7, "m:1:7", 1)
    assert (prediction.queued_us, prediction.compute_us, prediction.batch_rows) == (5, 9, 4)
    [call] = plane.calls
    assert (call.model, call.label, call.unit, call.id) == ("m", "live", "u 1", "mine")
    assert 8_000 < call.timeout_ms <= 9_010  # gRPC rounds it up to 10 ms


def test_a_unit_and_an_id_may_be_any_text_and_an_id_is_made_up_where_none_is_given() -> None:
    plane = Plane()

    def act(client: Any) -> list[Prediction]:
        return [client.predict("m", ROWS, unit="grün\n", id=name, version="3") for name in ("ä\0", "", "")]

    ids = [prediction.id for prediction in before(plane, "sync", act)]
    assert ids[0] == "ä\0"
    assert len({*ids, ""}) == 4
    assert (plane.calls[0].unit, plane.calls[0].version) == ("grün\n", "3")


@pytest.mark.parametrize(
    "array",
    [
        np.array([b"a\0", b"", b"\xff"], dtype=object),
        np.array([["grün"]]),
        np.zeros((0, 3), np.int64),
        np.array([[True, False]]),
        np.array([2**63 + 1], np.uint64),
        np.array([1.5], np.float16),
        np.arange(4, dtype=">i4").reshape(2, 2).T,
    ],
)
def test_an_array_comes_back_as_it_went(array: Any) -> None:
    back = before(Plane(), "sync", lambda client: client.predict("m", array)).outputs["input"]
    wanted = [[each.encode() for each in row] for row in array] if array.dtype.kind == "U" else array.tolist()
    assert back.tolist() == wanted
    assert back.shape == array.shape


@KINDS
@pytest.mark.parametrize("body", [{"instances": [[1]]}, [[1]], {"age": 3, "text": "ä"}])
def test_json_goes_in_any_form_of_the_topics(kind: str, body: Any) -> None:
    plane = Plane()
    before(plane, kind, lambda client: client.predict("m", body))
    assert msgspec.json.decode(plane.calls[0].json) == body


@pytest.mark.parametrize("inputs", [np.zeros(1, np.complex64), {"x": 1j}, {"instances": {1j}}])
def test_inputs_without_a_form_are_refused_before_they_are_sent(inputs: Any) -> None:
    plane = Plane()
    with pytest.raises(Refused, match=INVALID_ARGUMENT):
        before(plane, "sync", lambda client: client.predict("m", inputs))
    assert plane.calls == []


@pytest.mark.parametrize("field", ["id", "unit"])
def test_half_a_character_is_refused_before_it_is_sent(field: str) -> None:
    with pytest.raises(Refused, match="cannot be written"):
        before(Plane(), "sync", lambda client: client.predict("m", ROWS, **{field: "\ud800"}))


@pytest.mark.parametrize("field", ["version", "label"])
def test_what_can_be_no_name_is_refused_as_over_http(field: str) -> None:
    with pytest.raises(Refused, match="is no name"):
        before(Plane(), "sync", lambda client: client.predict("m", ROWS, **{field: "../x"}))
    with pytest.raises(Refused, match="is no name"):
        before(Plane(), "sync", methodcaller("metadata", "../m"))


class Fixed:
    """A plane with one answer."""

    def __init__(self, answer: pb.InferenceResponse) -> None:
        self.calls: list[Call] = []
        self._answer = answer

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """See Plane."""
        self.calls.append(call)
        return self._answer


@st.composite
def answers(draw: st.DrawFn) -> pb.InferenceResponse:
    answer = pb.InferenceResponse(
        model="m",
        version=draw(names),
        arm=draw(names),
        epoch=draw(st.integers(0, 2**53)),
        decision_id=draw(st.from_regex("[a-z0-9:_-]{0,20}", fullmatch=True)),
        attempt=draw(st.integers(0, 30)),
    )
    for name in draw(st.lists(names, min_size=1, max_size=3, unique=True)):
        dtype = DTYPES[
            draw(st.sampled_from([name for name in sorted(DTYPES) if name not in ("BYTES", "BOOL")]))
        ]
        shape = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
        size = int(np.prod(shape)) * dtype.itemsize
        array = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype).reshape(shape)
        tensor = tensor_to_pb(name, array)
        assert isinstance(tensor, pb.Tensor)
        answer.outputs.tensors.append(tensor)
    return answer


def plain(prediction: Any) -> dict[str, Any]:
    """Return a prediction's fields; arrays as what can be compared, NaN included."""
    assert isinstance(prediction, Prediction), prediction
    outputs = {name: (a.dtype, a.shape, a.tobytes()) for name, a in prediction.outputs.items()}
    return {**msgspec.structs.asdict(prediction), "outputs": outputs}


@given(answers())
def test_the_same_answer_is_the_same_prediction_over_grpc_as_over_http(answer: pb.InferenceResponse) -> None:
    scene = Scene(plane=Fixed(answer))
    ask = Ask("m", ROWS, id="mine")
    step = advance(HttpCore("", 0, lambda: 0.0, lambda: 0.0).predict(ask, 1.0), None)
    assert isinstance(step, Send)
    request = step.request
    said = scene.ask(request.method, request.path, request.body, **request.headers)
    headers = {name.lower(): value for name, value in said.headers}
    over_http = oip_prediction(HttpAnswer(said.status, _AnyCase(headers), bytes(said.body)), ask)

    message = pb.InferenceRequest.FromString(written(ask))
    response = asyncio.run(Inference(Door(desk=scene.desk)).infer(message, Caller()))
    assert isinstance(response, pb.InferenceResponse)
    over_grpc = reading(pb.InferenceResponse, prediction_from)(response.SerializeToString())
    assert plain(over_grpc) == plain(over_http)


class _AnyCase(dict[str, str]):
    """Headers whose names are found in any case, as those of httpx."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


@KINDS
def test_the_gateway_says_what_it_has_in_the_words_of_http(kind: str) -> None:
    scene, catalogue = Scene(), {"catalogue": TABLES}
    index = before(Plane(), kind, methodcaller("models"), catalogue)
    told_over_http = models_from(scene.ask("POST", "/v2/repository/index").body)
    assert sorted(index, key=repr) == sorted(told_over_http, key=repr)
    assert {(one.name, one.version, one.state) for one in index} >= {
        ("m", "v1", "READY"),
        ("m", "v2", "LOADING"),
    }
    for version, path in {"": "/v2/models/m", "v2": "/v2/models/m/versions/v2"}.items():
        about = before(Plane(), kind, methodcaller("metadata", "m", version=version), catalogue)
        assert about == metadata_from(scene.ask("GET", path).body)
    for model, is_ready in {"m": True, "dead": False, "no": False}.items():
        assert before(Plane(), kind, methodcaller("ready", model), catalogue) is is_ready
    with pytest.raises(Refused, match=NOT_FOUND):
        before(Plane(), kind, methodcaller("metadata", "no"), catalogue)


def test_health_tells_an_answer_from_a_ready_one() -> None:
    async def story() -> None:
        async with served() as (server, _):
            for is_ready in (True, False):
                await server.set_ready(is_ready)
                health = await asked("async", f"grpc://127.0.0.1:{server.port}", methodcaller("health"))
                assert (health.live, health.ready) == (True, is_ready)

    told(story())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\xff", r"it is no pointsman\.v1\.InferenceResponse"),
        (
            pb.InferenceResponse(outputs={"tensors": [{"name": "y", "datatype": "FP32", "shape": [2]}]}),
            "8 bytes",
        ),
        (pb.InferenceResponse(outputs={"tensors": [{"name": "y", "datatype": "XX"}]}), "unknown datatype"),
    ],
)
def test_an_answer_that_cannot_be_read_says_so(body: Any, said: str) -> None:
    raw = body if isinstance(body, bytes) else body.SerializeToString()
    setback = reading(pb.InferenceResponse, prediction_from)(raw)
    assert not isinstance(setback, Prediction)
    assert isinstance(setback.error, ClientError)
    assert not setback.retryable
    with pytest.raises(ClientError, match=f"cannot be read: .*{said}"):
        raise setback.error
