from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item, Signature, TensorSpec
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, Failure, LoadError
from pointsman.runtimes.base import Loaded
from pointsman.runtimes.loader import load
from pointsman.settings import Settings
from tests.unit.runtimes import networks

HERE = networks.__name__
X = Signature((TensorSpec("x", "FP32", (-1, 4)),))


def spec_of(path: Path, **fields: Any) -> VersionSpec:
    return msgspec.convert({"uri": path.as_uri(), "factory": f"{HERE}:scale", **fields}, VersionSpec)


def loaded(spec: VersionSpec, **settings: Any) -> Loaded:
    return load(spec, Settings(**settings), lambda: None).loaded


def refused(spec: VersionSpec, **settings: Any) -> Failure:
    with pytest.raises(LoadError) as error:
        loaded(spec, **settings)
    return error.value.failure


def answer(version: Loaded, **arrays: Any) -> Item:
    [result] = version.infer([{name: np.asarray(array) for name, array in arrays.items()}], 256)
    assert isinstance(result, dict), result
    return result


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "the weights.safetensors"  # a space, on purpose
    save_file({"factor": torch.tensor([1.0, 2.0, 3.0, 4.0])}, path)
    return path


def test_safetensors_fill_the_factorys_network(weights: Path) -> None:
    version = loaded(spec_of(weights))
    assert answer(version, x=np.ones((2, 4), "f4"))["output"].tolist() == [[1, 2, 3, 4]] * 2
    assert version.footprint == 16


def test_the_signature_comes_from_the_network_and_its_outputs_from_the_warm_up(weights: Path) -> None:
    assert loaded(spec_of(weights)).signature == Signature(X.inputs, (TensorSpec("output", "FP32", (-1, 4)),))


def test_the_versions_own_signature_goes_first_and_names_the_outputs(weights: Path) -> None:
    signature = {**msgspec.to_builtins(X), "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}]}
    version = loaded(spec_of(weights, signature=signature))
    assert list(answer(version, x=np.ones((1, 4), "f4"))) == ["y"]


def test_options_reach_the_factory_as_text(weights: Path) -> None:
    assert loaded(spec_of(weights, options={"factor": "3"})).footprint == 16


def test_the_digest_is_verified_and_reported(weights: Path) -> None:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert load(spec_of(weights, sha256=digest), Settings(), lambda: None).sha256 == digest
    failure = refused(spec_of(weights, sha256="0" * 64))
    assert failure.code == FAILED_PRECONDITION
    assert failure.field == "sha256"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    failure = refused(spec_of(tmp_path / "gone.safetensors"))
    assert failure.code == NOT_FOUND
    assert "gone.safetensors" in failure.message


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"uri": "https://example.com/a"}, INVALID_ARGUMENT, "is not a file:///… URI"),
        ({"runtime": "fortran"}, INVALID_ARGUMENT, "'fortran' is unknown; there are torch, onnx, "),
        ({"factory": ""}, INVALID_ARGUMENT, "a safetensors artifact needs"),
        ({"factory": "scale"}, INVALID_ARGUMENT, "'scale' is not package.module:name"),
        ({"factory": "no.such:thing"}, NOT_FOUND, "cannot be imported"),
        ({"factory": f"{HERE}:nothing"}, NOT_FOUND, "cannot be imported"),
        ({"factory": f"{HERE}:no_network"}, FAILED_PRECONDITION, "returned str, not a torch.nn.Module"),
        ({"factory": f"{HERE}:undeclared"}, "INTERNAL", "Missing key(s) in state_dict"),
        ({"options": {"colour": "red"}}, "INTERNAL", "unexpected keyword argument 'colour'"),
        ({"factory": f"{HERE}:OneRowOnly"}, FAILED_PRECONDITION, "1 rows pass, 2 do not"),
        ({"example": "file:///nowhere.npy"}, NOT_FOUND, "example: there is no file"),
    ],
)
def test_what_cannot_be_loaded_says_why(weights: Path, fields: dict[str, Any], code: str, words: str) -> None:
    failure = refused(spec_of(weights, **fields))
    assert failure.code == code
    assert words in failure.message


def test_a_network_without_signature_or_example_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "linear.safetensors"
    save_file(networks.undeclared().state_dict(), path)
    failure = refused(spec_of(path, factory=f"{HERE}:undeclared"))
    assert failure.field == "signature"


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".json"])
def test_a_signature_is_read_from_an_example(tmp_path: Path, suffix: str) -> None:
    path, example = tmp_path / "linear.safetensors", tmp_path / f"example{suffix}"
    save_file(networks.undeclared().state_dict(), path)
    write: dict[str, Callable[[], object]] = {
        ".npy": lambda: np.save(example, np.zeros((3, 4), "f4")),
        ".npz": lambda: np.savez(example, input=np.zeros((3, 4), "f4")),
        ".json": lambda: example.write_text('{"input": [[0.5, 1, 2, 3]]}'),
    }
    write[suffix]()
    version = loaded(spec_of(path, factory=f"{HERE}:undeclared", example=example.as_uri()))
    assert version.signature == Signature(
        (TensorSpec("input", "FP32", (-1, 4)),), (TensorSpec("output", "FP32", (-1, 2)),)
    )


def test_a_pickle_is_no_example(weights: Path, tmp_path: Path) -> None:
    example = tmp_path / "example.npy"
    np.save(example, np.array([{}], dtype=object), allow_pickle=True)
    assert "cannot be read" in refused(spec_of(weights, example=example.as_uri())).message


def test_tuples_and_dictionaries_are_outputs_by_name(tmp_path: Path) -> None:
    empty = tmp_path / "empty.safetensors"
    save_file({}, empty)
    version = loaded(spec_of(empty, factory=f"{HERE}:TwoOutputs"))
    result = answer(version, x=np.array([[1, 9, 2, 3]], "f4"))
    assert {name: array.tolist() for name, array in result.items()} == {"output_0": [9], "output_1": [1]}

    inputs = [{"name": name, "datatype": "INT64", "shape": [-1, 2]} for name in ("left", "right")]
    version = loaded(spec_of(empty, factory=f"{HERE}:Sum", signature={"inputs": inputs}))
    assert answer(version, right=[[1, 2]], left=[[10, 20]])["sum"].tolist() == [[11, 22]]


def test_text_for_a_torch_model_is_refused_and_its_neighbour_served(weights: Path) -> None:
    version = loaded(spec_of(weights))
    text, numbers = np.array([[b"a"]], dtype=object), np.ones((1, 4), "f4")
    refusal, result = version.infer([{"x": text}, {"x": numbers}], 256)
    assert isinstance(refusal, Failure)
    assert refusal.code == INVALID_ARGUMENT
    assert isinstance(result, dict)


def test_batches_and_single_rows_agree(weights: Path) -> None:
    version = loaded(spec_of(weights))
    generator = np.random.default_rng(7)
    items: list[Item] = [{"x": generator.random((size, 4), "f4")} for size in (1, 3, 1, 7)]
    together = version.infer(items, 8)
    for item, result in zip(items, together, strict=True):
        assert isinstance(result, dict)
        np.testing.assert_array_equal(result["output"], answer(version, **item)["output"])


def exported(path: Path) -> None:
    dynamic = {"x": {0: torch.export.Dim("rows")}}
    torch.export.save(
        torch.export.export(networks.Scale(2.0), (torch.zeros(2, 4),), dynamic_shapes=dynamic), path
    )


def scripted(path: Path) -> None:
    torch.jit.save(torch.jit.script(networks.Scale(2.0)), path)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(("name", "save"), [("a.pt2", exported), ("a.pt", scripted), ("a.ts", scripted)])
def test_archives_with_code_load_from_trusted_stores_only(
    tmp_path: Path, name: str, save: Callable[[Path], None]
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    save(store / name)
    spec = spec_of(store / name, factory="", signature=msgspec.to_builtins(X))
    for stores in ((), (f"{store.as_uri()}-other",), ("file:///etc",)):
        failure = refused(spec, trusted_stores=stores)
        assert failure.code == FAILED_PRECONDITION
        assert "trusted_stores" in failure.message
    version = loaded(spec, trusted_stores=(tmp_path.as_uri(),))
    assert answer(version, x=np.ones((3, 4), "f4"))["output"].tolist() == [[2] * 4] * 3
    assert version.footprint == 16


def test_a_path_out_of_a_trusted_store_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "evil.pt").write_bytes(b"code")
    uri = (tmp_path / "store").as_uri() + "/../evil.pt"
    failure = refused(VersionSpec(uri=uri, signature=X), trusted_stores=((tmp_path / "store").as_uri(),))
    assert "trusted_stores" in failure.message


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({}, "signature.x.datatype"),
        ({"datatype": "FP32", "width": str(2**63)}, "signature.x.shape"),
        ({"datatype": "FP32", "name": ""}, "signature.inputs"),
    ],
)
def test_a_declared_signature_that_is_none_fails_the_load(
    weights: Path, tmp_path: Path, options: dict[str, str], field: str
) -> None:
    example = tmp_path / "example.npy"
    np.save(example, np.ones((1, 4), "f4"))
    spec = spec_of(weights, factory=f"{HERE}:misdeclared", options=options, example=example.as_uri())
    failure = refused(spec)
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, field)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_network_of_lower_precision_still_takes_and_gives_fp32(weights: Path, dtype: str) -> None:
    version = loaded(spec_of(weights, options={"torch.dtype": dtype, "torch.device": "auto"}))
    assert version.footprint == 8
    found = answer(version, x=np.full((2, 4), 1.01, "f4"))["output"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [np.array([1, 2, 3, 4]) * 1.01] * 2, rtol=1e-2)


def test_a_compiled_network_answers_the_same_for_any_number_of_rows(weights: Path) -> None:
    version = loaded(spec_of(weights, options={"torch.compile": "true", "factor": "9"}))
    for rows in (1, 3, 8):
        found = answer(version, x=np.ones((rows, 4), "f4"))["output"]
        np.testing.assert_allclose(found, [[1, 2, 3, 4]] * rows)


@pytest.mark.parametrize(
    ("option", "value", "code", "said"),
    [
        ("torch.device", "cuda:99", FAILED_PRECONDITION, "the pod has no 'cuda:99'; it has cpu"),
        ("torch.device", "gpu", FAILED_PRECONDITION, "takes auto"),
        ("torch.dtype", "int8", INVALID_ARGUMENT, "float16, bfloat16, float32"),
        ("torch.compile", "yes", INVALID_ARGUMENT, "true or false"),
        ("torch.reset", "forget", INVALID_ARGUMENT, "no method 'forget'"),
        ("torch.depth", "3", INVALID_ARGUMENT, "there are torch.device"),
    ],
)
def test_what_torch_cannot_do_here_is_refused(
    weights: Path, option: str, value: str, code: str, said: str
) -> None:
    failure = refused(spec_of(weights, options={option: value}))
    assert (failure.code, failure.field) == (code, f"options.{option}")
    assert said in failure.message
