from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure, LoadError
from pointsman.wire.tfs_ask import read_outputs, read_signature, write_instances
from pointsman.wire.tfs_metadata import metadata_body
from tests.unit.gateway.scene import SIGNATURE, Scene
from tests.unit.http.thread import ServerThread
from tests.unit.runtimes.remote.servers import BAD, Doubles, opened, rows


@pytest.fixture
def plane() -> Doubles:
    return Doubles()


@pytest.fixture
def url(plane: Doubles) -> Iterator[str]:
    with ServerThread(Scene(plane=plane).site) as server:
        yield f"{server.url}/v1/models/m"


def test_a_prediction_comes_back_for_each_row_in_the_datatype_of_the_metadata(
    url: str, plane: Doubles
) -> None:
    model = opened(url, "tensorflow-serving")
    assert model.signature == SIGNATURE
    plane.rows.clear()
    results = model.infer([rows(1.5), rows(BAD), rows(2, np.nan)], 256)
    first, refused, last = results
    assert isinstance(first, dict)
    assert first["y"].tolist() == [[3, 3]]
    assert first["y"].dtype == np.float32
    assert isinstance(refused, Failure)
    assert refused.code == INVALID_ARGUMENT
    assert isinstance(last, dict)
    np.testing.assert_array_equal(last["y"], [[4, 4], [np.nan, np.nan]])
    assert plane.rows[0] == 4
    model.unload()


def test_a_signature_that_the_model_does_not_have_is_a_failure_to_load(url: str) -> None:
    with pytest.raises(LoadError, match="it has serving_default") as error:
        opened(url, "tensorflow-serving", options={"signature_name": "other"})
    assert error.value.failure.field == "options.signature_name"


def test_the_signature_that_our_metadata_tell_is_read_back() -> None:
    every = Signature(
        (TensorSpec("a", "FP32", (-1, 2)), TensorSpec("b", "BYTES", (-1,))),
        (TensorSpec("c", "INT64", (-1, 3)),),
    )
    assert read_signature(metadata_body("m", "1", every), "serving_default") == every
    assert read_signature(metadata_body("m", "1", None), "serving_default") is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"metadata": {"signature_def": 1}}'])
def test_metadata_that_are_none_are_a_failure(body: bytes) -> None:
    assert isinstance(read_signature(body, "serving_default"), Failure)


def test_an_input_of_a_rank_or_type_that_nobody_knows_leaves_the_signature_open() -> None:
    told = metadata_body("m", "1", SIGNATURE)
    for was, now in ((b'"unknown_rank":false', b'"unknown_rank":true'), (b"DT_FLOAT", b"DT_VARIANT")):
        assert read_signature(told.replace(was, now), "serving_default") is None


def test_text_is_written_in_base64_and_a_single_output_has_its_name() -> None:
    texts = np.array([b"\xff", b"a"], dtype=object)
    body = write_instances({"t": texts}, "")
    assert body == b'{"instances":[{"b64":"/w=="},{"b64":"YQ=="}]}'
    said = read_outputs(b'{"predictions": [[1], [2]]}', (TensorSpec("n", "INT32", (-1, 1)),))
    assert not isinstance(said, Failure)
    assert said["n"].tolist() == [[1], [2]]
    assert said["n"].dtype == np.int32
