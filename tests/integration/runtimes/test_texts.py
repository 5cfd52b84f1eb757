"""Text goes in and out as BYTES, whatever the framework takes it for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import skops.io
from onnx import TensorProto, helper
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Array, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.runtimes.base import Loaded
from pointsman.runtimes.loader import load
from pointsman.settings import Settings

TEXTS = ["a good book", "a bad book", "good", "bad, bad", "Grüße, good"]
LABELS = ["günstig", "schlecht", "günstig", "schlecht", "günstig"]


def classifier(folder: Path) -> VersionSpec:
    path = folder / "texts.skops"
    skops.io.dump(make_pipeline(CountVectorizer(), MultinomialNB()).fit(TEXTS, LABELS), path)
    signature = Signature((TensorSpec("text", "BYTES", (-1,)),))
    return VersionSpec(uri=path.as_uri(), runtime="sklearn", signature=signature)


def echo(folder: Path) -> VersionSpec:
    path = folder / "echo.onnx"
    text, given = TensorProto.STRING, helper.make_tensor_value_info
    node = helper.make_node("Identity", ["text"], ["predict"])
    graph = helper.make_graph([node], "echo", [given("text", text, ["n"])], [given("predict", text, ["n"])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return VersionSpec(uri=path.as_uri(), runtime="onnx")


WANTED = {classifier: LABELS, echo: TEXTS}


def column(*texts: bytes) -> Array:
    array: Array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


@pytest.fixture(params=WANTED, ids=lambda maker: maker.__name__)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Loaded, list[str]]:
    return load(request.param(tmp_path), Settings(), lambda: None).loaded, WANTED[request.param]


def test_text_is_answered_with_text(served: tuple[Loaded, list[str]]) -> None:
    version, wanted = served
    items = [{"text": column(text.encode())} for text in TEXTS]
    found = [result["predict"].tolist() for result in version.infer(items, 64) if isinstance(result, dict)]
    assert found == [[text.encode()] for text in wanted]


def test_bytes_that_are_no_text_fail_alone(served: tuple[Loaded, list[str]]) -> None:
    version, wanted = served
    good, bad = {"text": column(TEXTS[0].encode())}, {"text": column(b"\xff\xfe")}
    first, second, third = version.infer([good, bad, good], 64)
    assert isinstance(second, Failure)
    assert (second.code, second.field) == (INVALID_ARGUMENT, "text")
    for result in (first, third):
        assert isinstance(result, dict)
        assert result["predict"].tolist() == [wanted[0].encode()]
