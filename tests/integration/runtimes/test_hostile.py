"""Artifacts that reach for what is not theirs: refused with the reason, and nothing of theirs has run."""

from __future__ import annotations

import hashlib
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
import skops.io
from onnx import TensorProto, helper
from sklearn.base import BaseEstimator

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.core.uri import data_uri
from pointsman.errors import FAILED_PRECONDITION, Failure, LoadError
from pointsman.runtimes.base import Loaded
from pointsman.runtimes.loader import load
from pointsman.settings import Settings
from pointsman.stores.fetcher import Fetcher
from tests.integration.runtimes.exhibits import (
    ROWS,
    WIDTH,
    regression,
    with_onnx,
    with_openvino,
    with_sklearn,
)

MARKER = "it-ran"


def loaded(path: Path, runtime: str, settings: Settings | None = None, **fields: Any) -> Loaded:
    spec = VersionSpec(uri=path.as_uri(), runtime=runtime, **fields)
    return load(spec, settings or Settings(), lambda: None).loaded


def refused(path: Path, runtime: str, settings: Settings | None = None, **fields: Any) -> Failure:
    with pytest.raises(LoadError) as error:
        loaded(path, runtime, settings, **fields)
    assert error.value.failure.code == FAILED_PRECONDITION
    return error.value.failure


class Greeter(BaseEstimator):  # type: ignore[misc]
    """An estimator of somebody's own, which says when it is built."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        Path(MARKER).touch()

    def predict(self, rows: Any) -> Any:
        return np.zeros(len(rows))


class Shell:
    """What a pickle can do to who opens it."""

    def __reduce__(self) -> Any:
        return os.system, (f"touch {MARKER}",)


@pytest.fixture(autouse=True)
def nothing_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_types_that_nobody_trusts_are_named_and_never_built(tmp_path: Path) -> None:
    path = tmp_path / "greeter.skops"
    greeter = Greeter()
    greeter.n_features_in_ = 3
    skops.io.dump(greeter, path)
    name = f"{Greeter.__module__}.Greeter"
    failure = refused(path, "sklearn")
    assert name in failure.message
    assert "trusted_types" in failure.message
    assert not Path(MARKER).exists()
    version = loaded(path, "sklearn", Settings(trusted_types=(name,)))
    [result] = version.infer([{"input": np.zeros((2, 3))}], 8)
    assert isinstance(result, dict)
    assert result["predict"].tolist() == [0, 0]


@pytest.mark.parametrize("runtime", ["sklearn", "onnx"])
def test_a_pickle_under_another_name_is_not_opened(tmp_path: Path, runtime: str) -> None:
    path = tmp_path / f"model.{ {'sklearn': 'skops', 'onnx': 'onnx'}[runtime] }"
    path.write_bytes(pickle.dumps(Shell()))
    refused(path, runtime)
    assert not Path(MARKER).exists()


@pytest.mark.parametrize("name", ["trees.json", "trees.ubj"])
def test_what_xgboost_cannot_read_is_told_without_its_trace(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"no trees here")
    assert refused(path, "xgboost").message == f"uri: {name} is no whole XGBoost model"


def test_what_unpacks_to_more_than_a_pod_keeps_is_not_unpacked(tmp_path: Path) -> None:
    path = with_sklearn(tmp_path).path
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(64 << 20))
    assert path.stat().st_size < 1 << 20
    failure = refused(path, "sklearn", Settings(cache_bytes=32 << 20))
    assert "cache_bytes" in failure.message


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize("outside", ["../secret", "/etc/hostname", "beside"])
def test_weights_in_another_file_are_not_read(tmp_path: Path, outside: str, runtime: str) -> None:
    path = tmp_path / "model.onnx"
    (tmp_path / "beside").write_bytes(bytes(4 * WIDTH))
    path.write_bytes(regression("rows", outside).SerializeToString())
    assert "'w' has its data in another file" in refused(path, runtime).message


def test_weights_beside_a_model_are_those_that_were_promised(tmp_path: Path) -> None:
    exhibit = with_openvino(tmp_path)
    weights = exhibit.path.with_suffix(".bin")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert loaded(exhibit.path, "openvino", options={"weights_sha256": digest}).footprint > 120
    weights.write_bytes(bytes(weights.stat().st_size))
    failure = refused(exhibit.path, "openvino", options={"weights_sha256": digest})
    assert failure.field == "options.weights_sha256"


def test_a_network_and_its_weights_are_fetched_apart(tmp_path: Path) -> None:
    exhibit = with_openvino(tmp_path)
    files = [exhibit.path.read_bytes(), exhibit.path.with_suffix(".bin").read_bytes()]
    [model, weights] = map(data_uri, files, ("a.xml", "a.bin"))
    [of_model, of_weights] = [hashlib.sha256(content).hexdigest() for content in files]
    spec = VersionSpec(model, runtime="openvino", sha256=of_model)
    whole = msgspec.structs.replace(spec, options={"weights": weights, "weights_sha256": of_weights})
    fetcher, settings = Fetcher(Settings(artifact_cache=str(tmp_path / "cache"))), Settings()
    placed = fetcher.place(whole, lambda _: None)
    [result] = load(placed.spec, settings, lambda: None).loaded.infer([{"x": ROWS[:3]}], 8)
    assert isinstance(result, dict)
    np.testing.assert_allclose(result["p"], exhibit.answer(ROWS[:3]), atol=1e-5)
    placed.release()
    alone = fetcher.place(spec, lambda _: None)
    with pytest.raises(LoadError, match="give its URI, and weights_sha256") as error:
        load(alone.spec, settings, lambda: None)
    assert error.value.failure.field == "options.weights"
    alone.release()


def test_weights_in_another_file_are_found_in_the_depths_of_a_model(tmp_path: Path) -> None:
    model = regression("rows", "../secret")
    inner = helper.make_graph([], "inner", [], [], [model.graph.initializer[0]])
    nodes = [helper.make_node("If", ["c"], ["p"], then_branch=inner, else_branch=inner)]
    given = helper.make_tensor_value_info("c", TensorProto.BOOL, ["rows"])
    graph = helper.make_graph(nodes, "outer", [given], [model.graph.output[0]])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph), path)
    assert "'w' has its data in another file" in refused(path, "onnx").message


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_model_that_was_exported_for_one_row_serves_many_one_by_one(tmp_path: Path, runtime: str) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(regression(1), path)
    exhibit, version = with_onnx(tmp_path), loaded(path, runtime)
    rows = ROWS[:5].astype("f4")
    [result] = version.infer([{"x": rows}], 64)
    assert isinstance(result, dict)
    np.testing.assert_allclose(result["p"], exhibit.answer(rows), rtol=1e-5, atol=1e-5)
    onnx.save(regression(7), path)
    assert "7 rows" in refused(path, runtime).message


def test_an_output_that_is_no_tensor_is_named(tmp_path: Path) -> None:
    model = regression("rows")
    node = helper.make_node("SequenceConstruct", ["p"], ["s"])
    model.graph.node.append(node)
    model.graph.output.append(helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None))
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    failure = refused(path, "onnx")
    assert "output 's' is seq(tensor(float))" in failure.message
    assert failure.field == "signature"
    kept = TensorSpec("x", "FP32", (-1, WIDTH)), TensorSpec("p", "FP32", (-1, 1))
    version = loaded(path, "onnx", signature=Signature(kept[:1], kept[1:]))
    [result] = version.infer([{"x": ROWS[:2].astype("f4")}], 8)
    assert isinstance(result, dict)
    assert list(result) == ["p"]
