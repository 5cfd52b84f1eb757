"""Steps before a network and after it: part of a version, of whatever framework its network is."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Array, Item
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, Failure, LoadError
from pointsman.runtimes.base import Loaded
from pointsman.runtimes.loader import load
from pointsman.settings import Settings
from tests.integration.runtimes.exhibits import MAKERS, ROWS, WIDTH, with_onnx

NUMBERS = ROWS[:7].astype("f4")
WORDS = {"[PAD]": 0, "[UNK]": 1, "good": 2, "bad": 3}


class Scaled:
    """A step of somebody's own: multiplies what comes in."""

    def __init__(self, by: str, file: str = "") -> None:
        self.by = np.float32(Path(file).read_text() if file else by)

    def __call__(self, item: Item) -> Item:
        return {name: array * self.by for name, array in item.items()}


def doubled_and_named() -> Any:
    return lambda outputs, given: {
        "twice": 2 * outputs["p"],
        "first": given["x"][:, 0],
        "said": ["ok"] * len(given["x"]),
    }


def not_callable() -> int:
    return 3


def careless() -> Any:
    return lambda item: [item]


def described(exhibit_uri: str, runtime: str = "onnx", **fields: Any) -> VersionSpec:
    return msgspec.convert({"uri": exhibit_uri, "runtime": runtime, **fields}, VersionSpec)


def loaded(spec: VersionSpec) -> Loaded:
    return load(spec, Settings(), lambda: None).loaded


def refused(spec: VersionSpec) -> Failure:
    with pytest.raises(LoadError) as error:
        loaded(spec)
    return error.value.failure


def own(name: str, **options: str) -> dict[str, Any]:
    return {"use": f"{__name__}:{name}", "options": options}


def column(*texts: bytes) -> Array:
    array: Array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return with_onnx(tmp_path).path.as_uri()


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    made = Tokenizer(WordLevel(WORDS, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    path = tmp_path / "tokenizer.json"
    made.save(str(path))
    return path


@pytest.mark.parametrize("runtime", MAKERS)
def test_steps_of_your_own_go_around_any_network(tmp_path: Path, runtime: str) -> None:
    exhibit = MAKERS[runtime](tmp_path)
    rows = ROWS[:5].astype("f8" if exhibit.datatype == "FP64" else "f4")
    inputs = [{"name": exhibit.input, "datatype": exhibit.datatype, "shape": [-1, exhibit.width]}]
    around = {"before": [own("Scaled", by="2")], "after": [{"use": "rows", "options": {exhibit.output: "0"}}]}
    fields = {**exhibit.fields, "signature": {"inputs": inputs}, **around}
    version = loaded(described(exhibit.path.as_uri(), runtime, **fields))
    [result] = version.infer([{exhibit.input: rows}], 8)
    assert isinstance(result, dict)
    wanted = exhibit.answer((rows * np.float32(2)).astype(rows.dtype))
    np.testing.assert_allclose(result[exhibit.output], wanted, rtol=1e-5, atol=1e-5)


def test_what_comes_out_of_the_last_step_is_the_versions_signature(uri: str, tmp_path: Path) -> None:
    exhibit = with_onnx(tmp_path)
    version = loaded(described(uri, after=[own("doubled_and_named")]))
    assert version.signature is not None
    assert [one.name for one in version.signature.inputs] == ["x"]
    made = [(one.name, one.datatype, one.shape) for one in version.signature.outputs]
    assert made == [("twice", "FP32", (-1, 1)), ("first", "FP32", (-1,)), ("said", "BYTES", (-1,))]
    first, second = version.infer([{"x": NUMBERS[:2]}, {"x": NUMBERS[2:]}], 64)
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    np.testing.assert_allclose(second["twice"], 2 * exhibit.answer(NUMBERS[2:]), atol=1e-5)
    assert first["said"].tolist() == [b"ok"] * 2


def test_a_steps_file_is_the_one_that_was_promised(uri: str, tmp_path: Path) -> None:
    file = tmp_path / "factor"
    file.write_text("0.5")
    inputs = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, WIDTH]}]}
    step = {**own("Scaled", by="9"), "uri": file.as_uri(), "sha256": hashlib.sha256(b"0.5").hexdigest()}
    version = loaded(described(uri, before=[step], signature=inputs))
    [result] = version.infer([{"x": NUMBERS}], 8)
    assert isinstance(result, dict)
    np.testing.assert_allclose(result["p"], with_onnx(tmp_path).answer(NUMBERS / 2), atol=1e-5)
    file.write_text("0.6")
    failure = refused(described(uri, before=[step], signature=inputs))
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "before.0.sha256")


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"before": [{"use": "txt"}]}, "before.0.use", "there are text, image, rows, constants"),
    (
        {"after": [{"use": "pool"}, {"use": "p"}]},
        "after.1.use",
        "there are pool, normalize, softmax, labels, rows",
    ),
    ({"after": [{"use": "pool", "options": {"by": "sum"}}]}, "after.0.options.by", "mean, cls, max"),
    ({"after": [{"use": "softmax", "options": {"off": "p"}}]}, "after.0.options.off", "there are of"),
    ({"after": [{"use": "labels"}]}, "after.0.uri", "a name in each line"),
    ({"before": [{"use": "text"}]}, "before.0.uri", "tokenizer.json"),
    ({"before": [{"use": "text", "uri": "file:///nowhere"}]}, "before.0.uri", "no file"),
    ({"before": [{"use": "constants", "options": {"y": "1"}}]}, "before.0.options.y", "it has x"),
    ({"before": [{"use": "constants", "options": {"x": "one"}}]}, "before.0.options.x", "a number"),
    ({"before": [{"use": "rows", "options": {"x": "-1"}}]}, "before.0.options.x", "whole number"),
    ({"before": [{"use": "rows", "options": {"x": "2"}}]}, "signature", "'x' has no dimension 2"),
    ({"before": [own("Scaled", by="2")]}, "signature", "give the version a `signature`"),
    ({"before": [own("Nothing")]}, "before.0.use", "cannot be imported"),
    ({"after": [own("not_callable")]}, "after.0.use", "returned int"),
    ({"after": [own("careless")]}, "", "warm-up failed"),
    ({"before": [{"use": "image"}]}, "before.0.options.resize", "the size"),
    ({"before": [{"use": "image", "options": {"resize": "9"}}]}, "before.0.options.crop", "`crop` it"),
    ({"before": [{"use": "image", "options": {"resize": "0x9"}}]}, "before.0.options.resize", "HEIGHTxWIDTH"),
    (
        {"before": [{"use": "image", "options": {"resize": "8", "crop": "9"}}]},
        "before.0.options.crop",
        "leaves",
    ),
    (
        {"before": [{"use": "image", "options": {"crop": "9", "std": "0"}}]},
        "before.0.options.std",
        "not be 0",
    ),
    ({"before": [{"use": "image", "options": {"crop": "9", "mean": "1,2"}}]}, "before.0.options.mean", "RGB"),
    (
        {"before": [{"use": "image", "options": {"crop": "9", "scale": "1,2"}}]},
        "before.0.options.scale",
        "one",
    ),
]


@pytest.mark.parametrize(
    ("fields", "field", "said"), REFUSED, ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_step_that_cannot_be_is_refused_with_its_field(
    uri: str, fields: dict[str, Any], field: str, said: str
) -> None:
    failure = refused(described(uri, **fields))
    assert failure.field == field
    assert failure.code in (INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION)
    assert said in failure.message
    assert len(failure.message) <= 200


def test_a_class_of_your_own_has_no_steps_beside_it() -> None:
    failure = refused(described("python:a:B", "python", after=[{"use": "softmax"}]))
    assert (failure.code, failure.field) == (INVALID_ARGUMENT, "before")


def test_a_pod_without_a_steps_package_says_what_to_install(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tokenizers")
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "tokenizers" else found(name)
    )
    failure = refused(described(uri, before=[{"use": "text"}]))
    assert "pip install 'pointsman[text]'" in failure.message


def test_what_is_no_tokenizer_is_refused(uri: str, tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    for content in (b"", b"{}", b'{"version": "1.0", "model": {"type": "BPE"}}', b"\xff" * 100):
        file.write_bytes(content)
        failure = refused(described(uri, before=[{"use": "text", "uri": file.as_uri()}]))
        assert (failure.code, failure.field) == (FAILED_PRECONDITION, "before.0.uri")


def test_a_network_that_takes_no_tokens_gets_no_text(uri: str, tokenizer: Path) -> None:
    failure = refused(described(uri, before=[{"use": "text", "uri": tokenizer.as_uri()}]))
    assert "the network takes x; of a text there are input_ids" in failure.message


def counted() -> Any:
    """Return a network that counts words, in torch: its inputs come by keyword, as its forward names them."""
    import torch

    class Counted(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.worth = torch.nn.Parameter(torch.tensor([0.0, 0.0, 1.0, -1.0]))

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            return (self.worth[input_ids] * attention_mask).sum(dim=1)

    return Counted()


def test_a_torch_network_reads_text(tokenizer: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "counted.safetensors"
    save_file(counted().state_dict(), path)
    step = {"use": "text", "uri": tokenizer.as_uri(), "options": {"max_length": "6", "input": "review"}}
    version = loaded(described(path.as_uri(), "torch", factory=f"{__name__}:counted", before=[step]))
    items = [
        {"review": column(b"good", b"so bad bad bad")},
        {"review": column(b"")},
        {"review": column(b"\xff good")},
        {"review": column(b"good " * 9)},
        {"review": column(b"good", b"good " * 60_000)},
    ]
    results = version.infer(items, 64)
    assert [result["output"].tolist() if isinstance(result, dict) else result.code for result in results] == [
        [1, -3],
        [0],
        INVALID_ARGUMENT,
        [6],
        INVALID_ARGUMENT,
    ]


def test_vectors_of_tokens_are_pooled_and_scores_named(tmp_path: Path) -> None:
    from pointsman.runtimes.finishing import labels, normalize, pool, softmax
    from pointsman.runtimes.step_options import StepOptions

    tokens = np.arange(24, dtype="f4").reshape(2, 4, 3) - 12
    given = {"attention_mask": np.array([[1, 1, 0, 0], [1, 1, 1, 1]])}
    wanted = {
        "mean": [tokens[0, :2].mean(0), tokens[1].mean(0)],
        "max": [tokens[0, :2].max(0), tokens[1].max(0)],
        "cls": [tokens[0, 0], tokens[1, 0]],
    }
    for by, rows in wanted.items():
        step = pool(StepOptions("after.0", {"by": by, "to": "v"}))
        np.testing.assert_allclose(step({"t": tokens}, given)["v"], rows, rtol=1e-6)
        long = normalize(StepOptions("after.1", {}))(step({"t": tokens}, given), given)["v"]
        np.testing.assert_allclose(np.linalg.norm(long, axis=1), 1, rtol=1e-6)
    scores = {"s": np.array([[1e4, 0, -1e4], [0, 0, np.log(2)]], "f4")}
    np.testing.assert_allclose(
        softmax(StepOptions("a", {}))(scores, {})["s"][1], [0.25, 0.25, 0.5], rtol=1e-6
    )
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\nGrüße\n")
    for step in (
        labels(StepOptions("a", {}, names)),
        labels(StepOptions("a", {"names": "cat,dog,Grüße"})),
    ):
        assert step(scores, {})["label"].tolist() == [b"cat", "Grüße".encode()]
