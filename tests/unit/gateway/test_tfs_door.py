from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import INVALID_ARGUMENT, UNAVAILABLE, Failure
from pointsman.gateway.call import Call
from pointsman.http.app import Response
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.json_request import item_from_json
from pointsman.wire.tensors import tensor_to_pb
from tests.unit.gateway.scene import SIGNATURE, Scene

PREDICT = "/v1/models/m:predict"


def said(response: Response) -> Any:
    return msgspec.json.decode(response.body)


class DecodingPlane:
    """Decodes the body as a pod does, and answers with what it found."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """See Plane."""
        self.calls.append(call)
        decoded = item_from_json(call.json, SIGNATURE, ())
        if isinstance(decoded, Failure):
            error = pb.Error(code=decoded.code, message=decoded.message, field=decoded.field)
            return pb.InferenceResponse(model=call.model, error=error)
        response = pb.InferenceResponse(model=call.model, version="v1")
        for array in decoded[1].values():
            tensor = tensor_to_pb("y", array.astype(np.float32))
            assert isinstance(tensor, pb.Tensor)
            response.outputs.tensors.append(tensor)
        return response


@pytest.fixture
def scene() -> Scene:
    return Scene(plane=DecodingPlane())


def test_rows_are_answered_by_rows_and_columns_by_columns(scene: Scene) -> None:
    rows = scene.ask("POST", PREDICT, {"instances": [[1, 2], [3, 4]]})
    assert (rows.status, said(rows)) == (200, {"predictions": [[1, 2], [3, 4]]})
    columns = scene.ask("POST", PREDICT, {"inputs": {"x": [[1, 2], [3, 4]]}})
    assert (columns.status, said(columns)) == (200, {"outputs": [[1, 2], [3, 4]]})


def test_version_and_label_of_the_path_reach_the_plane(scene: Scene) -> None:
    scene.ask("POST", "/v1/models/m/versions/3:predict", {"instances": [[1, 2]]})
    scene.ask("POST", "/v1/models/m/labels/canary:predict", {"instances": [[1, 2]]}, x_pointsman_unit="u")
    first, second = scene.plane.calls
    assert (first.version, second.label, second.unit) == ("3", "canary", "u")


def test_a_field_is_named_as_its_sender_named_it(scene: Scene) -> None:
    response = scene.ask("POST", PREDICT, {"inputs": {"x": [[1, "a"]]}})
    assert response.status == 400
    assert said(response)["error"].startswith("inputs.x")


def test_scores_are_classes_and_a_number_a_row_is_a_regression(scene: Scene) -> None:
    classes = scene.ask("POST", "/v1/models/m:classify", {"examples": [{"x": [0.25, 0.75]}]})
    assert said(classes) == {"results": [[["0", 0.25], ["1", 0.75]]]}
    nothing = scene.ask("POST", "/v1/models/m:regress", {"examples": [{"x": [1, 2]}]})
    assert nothing.status == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/models", 200),
        ("/v1/models/m", 200),
        ("/v1/models/m/metadata", 200),
        ("/v1/models/nix", 404),
        ("/v1/models/nix/metadata", 404),
        ("/v1/models/m/versions/9", 404),
        ("/v1/models/m:predict", 405),
        ("/v1/models/m:explain", 404),
        ("/v1", 404),
    ],
)
def test_every_path_has_its_answer(scene: Scene, path: str, status: int) -> None:
    assert scene.ask("GET", path).status == status


def test_an_unknown_model_is_said_in_tensorflow_servings_words(scene: Scene) -> None:
    response = scene.ask("POST", "/v1/models/nix:predict", {"instances": [1]})
    assert (response.status, said(response)["error"]) == (
        404,
        "Servable not found for request: Latest(nix)",
    )


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"instances": 1}', b'{"instances": [1], "inputs": [1]}']
)
def test_what_is_no_predict_is_refused(scene: Scene, body: bytes) -> None:
    response = scene.ask("POST", PREDICT, body)
    assert response.status == 400
    assert said(response)["error"]


def test_a_failure_of_the_plane_keeps_its_status() -> None:
    assert Scene(Failure(UNAVAILABLE, "away")).ask("POST", PREDICT, {"instances": [1]}).status == 503
    assert Scene(Failure(INVALID_ARGUMENT, "no")).ask("POST", PREDICT, {"instances": [1]}).status == 400


@given(st.binary(max_size=200))
def test_no_body_whatever_it_is_breaks_the_door(body: bytes) -> None:
    assert Scene(plane=DecodingPlane()).ask("POST", PREDICT, body).status in (200, 400)
