"""Models that real libraries trained on real data, as files, each beside what its library says itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import onnx
import openvino
import skops.io
import torch
import xgboost
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pointsman.core.tensor import Array

ROWS, LABELS = load_breast_cancer(return_X_y=True)
WIDTH = ROWS.shape[1]


class Exhibit(NamedTuple):
    """A model's file, what its description says, and what its library answers to rows."""

    path: Path
    fields: dict[str, Any]
    answer: Callable[[Array], Array]
    input: str
    datatype: str
    output: str
    width: int = WIDTH


class Linear(torch.nn.Linear):
    def __init__(self) -> None:
        super().__init__(WIDTH, 1, dtype=torch.float32)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(super().forward(rows))


def with_torch(folder: Path) -> Exhibit:
    weights, bias = _regression()
    state = {"weight": torch.tensor(weights, dtype=torch.float32)[None], "bias": torch.tensor([float(bias)])}
    path = folder / "linear.safetensors"
    save_file(state, path)
    network = Linear()
    network.load_state_dict(state)

    def answer(rows: Array) -> Array:
        with torch.inference_mode():
            found: Array = network(torch.from_numpy(rows)).numpy()
        return found

    signature = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, WIDTH]}]}
    fields = {"factory": f"{__name__}:Linear", "signature": signature}
    return Exhibit(path, fields, answer, "x", "FP32", "output")


def with_onnx(folder: Path) -> Exhibit:
    path = folder / "regression.onnx"
    onnx.save(regression("rows"), path)
    weights, bias = _regression()

    def answer(rows: Array) -> Array:
        found: Array = 1 / (1 + np.exp(-(rows @ weights[:, None].astype("f4") + np.float32(bias))))
        return found

    return Exhibit(path, {}, answer, "x", "FP32", "p")


def with_openvino(folder: Path) -> Exhibit:
    exhibit, path = with_onnx(folder), folder / "regression.xml"
    openvino.save_model(openvino.Core().read_model(exhibit.path), path, compress_to_fp16=False)
    return exhibit._replace(path=path, fields={"options": {"weights": path.with_suffix(".bin").as_uri()}})


def with_sklearn(folder: Path) -> Exhibit:
    path = folder / "pipeline.skops"
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)
    skops.io.dump(pipeline, path)
    fields = {"options": {"methods": "predict_proba,predict"}}
    return Exhibit(path, fields, pipeline.predict_proba, "input", "FP64", "predict_proba")


def with_xgboost(folder: Path) -> Exhibit:
    path = folder / "trees.ubj"
    model = xgboost.XGBClassifier(n_estimators=200, max_depth=4, early_stopping_rounds=5, n_jobs=1)
    model.fit(ROWS[:400], LABELS[:400], eval_set=[(ROWS[400:], LABELS[400:])], verbose=False)
    assert model.best_iteration < 190, "so that it matters which trees are used"
    model.save_model(path)
    return Exhibit(path, {}, lambda rows: model.predict_proba(rows)[:, 1], "input", "FP32", "predict")


def with_lightgbm(folder: Path) -> Exhibit:
    path = folder / "trees.txt"
    model = lightgbm.LGBMClassifier(n_estimators=50, n_jobs=1, verbosity=-1).fit(ROWS, LABELS)
    model.booster_.save_model(path)

    def answer(rows: Array) -> Array:
        return np.asarray(model.booster_.predict(rows, num_threads=1))

    return Exhibit(path, {}, answer, "input", "FP64", "predict")


MAKERS = {
    "torch": with_torch,
    "onnx": with_onnx,
    "openvino": with_openvino,
    "sklearn": with_sklearn,
    "xgboost": with_xgboost,
    "lightgbm": with_lightgbm,
}


def regression(rows: str | int, outside: str = "") -> onnx.ModelProto:
    """Return a logistic regression that takes so many rows; its weights lie in the file `outside`, if any."""
    weights, bias = _regression()
    matrix = numpy_helper.from_array(weights[:, None].astype("f4"), "w")
    if outside:
        matrix.ClearField("raw_data")
        matrix.data_location = TensorProto.EXTERNAL
        matrix.external_data.add(key="location", value=outside)
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w", "b"], ["z"]),
            helper.make_node("Sigmoid", ["z"], ["p"]),
        ],
        "regression",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, WIDTH])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [rows, 1])],
        [matrix, numpy_helper.from_array(np.asarray([bias], "f4"), "b")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _regression() -> tuple[Array, float]:
    scale = ROWS.std(axis=0)
    fitted = LogisticRegression(max_iter=1_000).fit(ROWS / scale, LABELS)
    return fitted.coef_[0] / scale, float(fitted.intercept_[0])
