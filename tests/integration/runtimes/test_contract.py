"""What every framework's runtime must do, on models that the framework itself trained and wrote."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import DTYPES, Array, Item
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, Failure, LoadError
from pointsman.runtimes import framework
from pointsman.runtimes.base import Loaded
from pointsman.runtimes.loader import load
from pointsman.settings import Settings
from tests.integration.runtimes.exhibits import MAKERS, ROWS, Exhibit

TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=MAKERS)
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def exhibit(runtime: str, tmp_path_factory: pytest.TempPathFactory) -> Exhibit:
    return MAKERS[runtime](tmp_path_factory.mktemp(runtime))


def spec_of(runtime: str, exhibit: Exhibit, **fields: Any) -> VersionSpec:
    described = {"uri": exhibit.path.as_uri(), "runtime": runtime, **exhibit.fields, **fields}
    return msgspec.convert(described, VersionSpec)


def loaded(spec: VersionSpec, **settings: Any) -> Loaded:
    return load(spec, Settings(**settings), lambda: None).loaded


def refused(spec: VersionSpec, **settings: Any) -> Failure:
    with pytest.raises(LoadError) as error:
        loaded(spec, **settings)
    return error.value.failure


@pytest.fixture(scope="module")
def version(runtime: str, exhibit: Exhibit) -> Loaded:
    return loaded(spec_of(runtime, exhibit))


def rows_for(exhibit: Exhibit, begin: int = 0, end: int = len(ROWS)) -> Array:
    return np.ascontiguousarray(ROWS[begin:end], DTYPES[exhibit.datatype])


def answers(version: Loaded, exhibit: Exhibit, items: list[Item], max_batch: int = 64) -> list[Array]:
    results = version.infer(items, max_batch)
    assert all(isinstance(result, dict) for result in results), results
    return [result[exhibit.output] for result in results if isinstance(result, dict)]


def test_the_signature_is_read_from_the_model(version: Loaded, exhibit: Exhibit) -> None:
    assert version.signature is not None
    [given] = version.signature.inputs
    assert (given.name, given.datatype, given.shape) == (exhibit.input, exhibit.datatype, (-1, exhibit.width))
    assert exhibit.output in [tensor.name for tensor in version.signature.outputs]
    assert version.footprint > 0


def test_every_caller_gets_what_the_library_says_to_its_own_rows(version: Loaded, exhibit: Exhibit) -> None:
    chance, cuts = random.Random(7), [0]
    while cuts[-1] < len(ROWS):
        cuts.append(min(len(ROWS), cuts[-1] + chance.choice((1, 1, 2, 3, 7, 90))))
    pieces = list(pairwise(cuts))
    chance.shuffle(pieces)
    items = [{exhibit.input: rows_for(exhibit, *piece)} for piece in pieces]
    for piece, found in zip(pieces, answers(version, exhibit, items), strict=True):
        wanted = exhibit.answer(rows_for(exhibit, *piece))
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_request_that_does_not_fit_fails_alone(version: Loaded, exhibit: Exhibit) -> None:
    good = {exhibit.input: rows_for(exhibit, 0, 2)}
    wide = {exhibit.input: np.zeros((1, exhibit.width + 1), DTYPES[exhibit.datatype])}
    results = version.infer([good, wide, good], 64)
    assert isinstance(results[1], Failure)
    for result in (results[0], results[2]):
        assert isinstance(result, dict)
        wanted = exhibit.answer(rows_for(exhibit, 0, 2))
        np.testing.assert_allclose(result[exhibit.output], wanted, rtol=TOLERANCE, atol=TOLERANCE)


def test_what_is_no_model_is_refused(runtime: str, exhibit: Exhibit, tmp_path: Path) -> None:
    whole = exhibit.path.read_bytes()
    chance = random.Random(1)
    for content in (b"", b"no model", whole[: len(whole) // 2], chance.randbytes(4_000)):
        path = tmp_path / exhibit.path.name
        path.write_bytes(content)
        failure = refused(spec_of(runtime, exhibit._replace(path=path)))
        assert failure.message
        assert len(failure.message) <= 200


def test_another_file_than_was_promised_is_refused(runtime: str, exhibit: Exhibit) -> None:
    failure = refused(spec_of(runtime, exhibit, sha256="0" * 64))
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "sha256")


def test_a_file_of_another_kind_is_refused(runtime: str, exhibit: Exhibit, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(exhibit.path.read_bytes())
    failure = refused(spec_of(runtime, exhibit._replace(path=path)))
    assert (failure.code, failure.field) == (INVALID_ARGUMENT, "uri")
    assert exhibit.path.suffix in failure.message
    assert refused(spec_of(runtime, exhibit._replace(path=tmp_path / "none"))).code == NOT_FOUND


def test_an_option_that_nobody_knows_is_refused(runtime: str, exhibit: Exhibit) -> None:
    failure = refused(spec_of(runtime, exhibit, options={**exhibit.fields.get("options", {}), "depht": "3"}))
    assert "depht" in failure.message


def test_what_was_unloaded_computes_nothing(runtime: str, exhibit: Exhibit) -> None:
    version = loaded(spec_of(runtime, exhibit))
    version.unload()
    [result] = version.infer([{exhibit.input: rows_for(exhibit, 0, 1)}], 64)
    assert isinstance(result, Failure)


def test_a_pod_without_the_framework_says_what_to_install(
    runtime: str, exhibit: Exhibit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in framework.FRAMEWORKS[runtime].needs:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    failure = refused(spec_of(runtime, exhibit))
    assert failure.code == FAILED_PRECONDITION
    assert f"pip install 'pointsman[{runtime}]'" in failure.message


def test_nothing_is_imported_that_no_version_needs(tmp_path: Path) -> None:
    exhibit = MAKERS["lightgbm"](tmp_path)
    program = f"""
import sys
from pointsman.core.spec import VersionSpec
from pointsman.runtimes.loader import load
from pointsman.settings import Settings
heavy = {{"torch", "onnxruntime", "openvino", "xgboost", "sklearn", "skops", "tokenizers", "PIL"}}
assert not heavy & set(sys.modules)
load(VersionSpec(uri={exhibit.path.as_uri()!r}, runtime="lightgbm"), Settings(), lambda: None)
assert not {{"torch", "onnxruntime", "xgboost", "skops"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
