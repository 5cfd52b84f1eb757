"""A version whose example does not give what its author expects is not served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Array
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.expectation import difference
from pointsman.runtimes.loader import load
from pointsman.settings import Settings


@pytest.fixture
def spec(tmp_path: Path) -> VersionSpec:
    """Return a version that doubles x, with an example of two rows."""
    (tmp_path / "example.json").write_text('{"x": [[1, 2, 3, 4], [5, 6, 7, 8]]}')
    example = (tmp_path / "example.json").as_uri()
    return VersionSpec("python:tests.unit.runtimes.classes:Doubler", "python", example=example)


def verified(spec: VersionSpec, path: Path, **fields: Any) -> Failure | None:
    described = {name: getattr(spec, name) for name in ("uri", "runtime", "example")}
    try:
        artifact = load(VersionSpec(**described, expect=path.as_uri(), **fields), Settings(), lambda: None)
    except LoadError as error:
        return error.failure
    artifact.loaded.unload()
    return None


@pytest.mark.parametrize(
    ("outputs", "fields", "complaint"),
    [
        ('{"output": [[2, 4, 6, 8], [10, 12, 14, 16]]}', {}, ""),
        ('{"output": [[2.0001, 4, 6, 8], [10, 12, 14, 16.1]]}', {"tolerance": 0.05}, ""),
        ('{"output": [[2.0001, 4, 6, 8], [10, 12, 14, 16.1]]}', {}, "output[1, 3] is 16.0 instead of 16.1"),
        ('{"output": [[2, 4, 6, 8]]}', {}, "has shape [2, 4] instead of [1, 4]"),
        ('{"y": [[2]]}', {}, "no output 'y' (it has output)"),
    ],
)
def test_the_outputs_of_the_example_are_compared_with_those_expected(
    spec: VersionSpec, tmp_path: Path, outputs: str, fields: dict[str, float], complaint: str
) -> None:
    path = tmp_path / "expect.json"
    path.write_text(outputs)
    failure = verified(spec, path, **fields)
    if not complaint:
        assert failure is None
        return
    assert failure is not None
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "expect")
    assert complaint in failure.message


def test_expected_outputs_that_cannot_be_read_are_a_failure_too(spec: VersionSpec, tmp_path: Path) -> None:
    path = tmp_path / "expect.npz"
    path.write_bytes(b"PK\x03\x04")
    failure = verified(spec, path)
    assert failure is not None
    assert (failure.code, failure.field) == (INVALID_ARGUMENT, "expect")


def texts(*values: bytes) -> Array:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    ("found", "wanted", "is_same"),
    [
        (np.array([1, 2]), np.array([1, 2], "i4"), True),
        (np.array([1, 2]), np.array([1.00001, 2]), False),
        (np.array([2**53 + 1]), np.array([2**53]), False),
        (np.array([np.nan, np.inf], "f4"), np.array([np.nan, np.inf]), True),
        (np.array([np.nan], "f4"), np.array([0.0]), False),
        (np.array([1e6], "f4"), np.array([1e6 + 50]), True),
        (np.array([1.0]), np.array(["1.0"]), False),
        (texts(b"a", b"b"), texts(b"a", b"b"), True),
        (texts(b"a", b"b"), texts(b"a", b"c"), False),
    ],
)
def test_fractions_may_be_a_little_off_and_all_else_must_be_equal(
    found: Array, wanted: Array, is_same: bool
) -> None:
    assert (difference({"y": wanted}, {"y": found}, 1e-4) == "") is is_same
