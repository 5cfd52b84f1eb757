from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pointsman.errors import (
    FAILED_PRECONDITION,
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    Failure,
    LoadError,
)
from pointsman.runtimes.remote.model import RemoteModel
from tests.unit.gateway.grpc.thread import in_a_thread
from tests.unit.gateway.scene import SIGNATURE, Scene
from tests.unit.http.thread import ServerThread
from tests.unit.runtimes.remote.servers import BAD, Doubles, Script, json_answer, opened, rows


class Remote:
    """A version whose remote is a gateway of ours, and what that was asked."""

    def __init__(self, model: RemoteModel, plane: Doubles) -> None:
        self.model = model
        self.plane = plane
        plane.rows.clear()  # the warm-up


@pytest.fixture(params=["http", "grpc"])
def remote(request: pytest.FixtureRequest) -> Iterator[Remote]:
    plane = Doubles()
    scene = Scene(plane=plane)
    if request.param == "http":
        with ServerThread(scene.site) as server:
            model = opened(f"{server.url}/v2/models/m/versions/v1")
            yield Remote(model, plane)
            model.unload()
    else:
        with in_a_thread(scene.desk) as address:
            model = opened(f"grpc://{address}/m/v1")
            yield Remote(model, plane)
            model.unload()


def test_the_signature_is_the_remotes_own(remote: Remote) -> None:
    assert remote.model.signature == SIGNATURE


def test_many_requests_are_one_call_and_each_gets_its_rows_back(remote: Remote) -> None:
    results = remote.model.infer([rows(1), rows(2, 3), rows(4)], 256)
    assert remote.plane.rows == [4]
    assert [result["y"].tolist() for result in results if isinstance(result, dict)] == [
        [[2, 2]],
        [[4, 4], [6, 6]],
        [[8, 8]],
    ]
    assert {call.version for call in remote.plane.calls} == {"v1"}


def test_a_call_has_no_more_rows_than_the_version_says(remote: Remote) -> None:
    remote.model.infer([rows(n) for n in range(10)], 4)
    assert max(remote.plane.rows) == 4


def test_the_one_that_the_remote_refuses_is_found_and_its_neighbours_are_served(remote: Remote) -> None:
    results = remote.model.infer([rows(1), rows(BAD), rows(3), rows(4)], 256)
    refused = results.pop(1)
    assert isinstance(refused, Failure)
    assert (refused.code, refused.message) == (INVALID_ARGUMENT, "the remote says: 13.0 is unlucky")
    assert [result["y"][0, 0] for result in results if isinstance(result, dict)] == [2, 6, 8]


def test_floats_go_and_come_bit_by_bit(remote: Remote) -> None:
    values = np.array([[np.nan, np.inf], [-np.inf, 1e-45], [0.1, -0.0]], np.float32)
    [result] = remote.model.infer([{"x": values}], 256)
    assert isinstance(result, dict)
    assert result["y"].tobytes() == (values * np.float32(2)).tobytes()


def test_a_model_that_the_remote_does_not_have_is_a_failure_to_load() -> None:
    with ServerThread(Scene().site) as server, pytest.raises(LoadError) as error:
        opened(f"{server.url}/v2/models/nobody")
    assert error.value.failure.code == FAILED_PRECONDITION
    assert "HTTP 404" in error.value.failure.message


def test_a_remote_that_takes_one_row_at_a_time_gets_one_row_at_a_time() -> None:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2]}
    described = json_answer({"name": "m", "inputs": [tensor], "outputs": []})
    output = {"name": "y", "datatype": "FP32", "shape": [1, 1], "data": [7]}
    script = Script(described, json_answer({"outputs": [output]}))
    with ServerThread(script) as server:
        model = opened(f"{server.url}/v2/models/m")
        assert model.signature is not None
        assert model.signature.inputs[0].shape == (-1, 2)
        asked = len(script.requests)
        results = model.infer([rows(1), rows(2)], 256)
        assert [result["y"].tolist() for result in results if isinstance(result, dict)] == [[[7]], [[7]]]
        assert len(script.requests) - asked == 2
        model.unload()


def test_a_remote_that_takes_another_fixed_number_of_rows_is_refused() -> None:
    described = json_answer({"inputs": [{"name": "x", "datatype": "FP32", "shape": [8, 2]}]})
    with ServerThread(Script(described)) as server, pytest.raises(LoadError, match="8"):
        opened(f"{server.url}/v2/models/m")


def test_an_answer_without_a_row_for_each_is_a_failure_and_not_a_wrong_answer() -> None:
    output = {"name": "y", "datatype": "FP32", "shape": [1, 1], "data": [7]}
    script = Script(json_answer({"name": "m"}), json_answer({"outputs": [output]}))
    with ServerThread(script) as server:
        model = opened(f"{server.url}/v2/models/m", signature=SIGNATURE)
        [result] = model.infer([rows(1, 2, 3)], 256)
        assert isinstance(result, Failure)
        assert "[1, 1] for 3 rows" in result.message
        model.unload()


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (Failure(UNAVAILABLE, "not now"), UNAVAILABLE, "the remote says: not now"),
        (Failure(RESOURCE_EXHAUSTED, "too many"), RESOURCE_EXHAUSTED, "the remote says: too many"),
        (Failure(INTERNAL, "oh"), INTERNAL, "the remote says: oh"),
        (Failure(NOT_FOUND, "who"), FAILED_PRECONDITION, "who"),
    ],
)
def test_what_the_remote_says_is_the_same_over_both(failure: Failure, code: str, said: str) -> None:
    plane = Doubles()
    scene = Scene(plane=plane)
    with ServerThread(scene.site) as server, in_a_thread(scene.desk) as address:
        for uri in (f"{server.url}/v2/models/m", f"grpc://{address}/m"):
            model = opened(uri, options={"retries": 0})
            plane.failures.append(failure)
            [result] = model.infer([rows(1)], 256)
            assert isinstance(result, Failure)
            assert (result.code, said in result.message) == (code, True), result
            model.unload()
