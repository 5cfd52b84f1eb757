"""Bodies of TensorFlow Serving's REST interface become bodies that a pod reads."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import Array, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, OUT_OF_RANGE, RESOURCE_EXHAUSTED, Failure
from pointsman.wire.json_request import COLUMNS, item_from_json
from pointsman.wire.non_finite import MAX_TOKEN_BYTES, without_tokens
from pointsman.wire.tfs import MAX_CONTEXT_BYTES, ROWS, TfsRequest, read_examples, read_predict

DOUBLES = Signature((TensorSpec("x", "FP64", (-1,)),))


def asked(body: object, read: Callable[[bytes], TfsRequest | Failure] = read_predict) -> TfsRequest:
    result = read(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert isinstance(result, TfsRequest), result
    return result


def refused(body: object, read: Callable[[bytes], TfsRequest | Failure] = read_predict) -> Failure:
    result = read(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert isinstance(result, Failure), result
    return result


def seen(request: TfsRequest, signature: Signature | None = DOUBLES) -> Array:
    """Return the only input that a pod sees."""
    result = item_from_json(request.json, signature, ())
    assert not isinstance(result, Failure), result
    assert result[0] == request.form
    ((_, array),) = result[1].items()
    return array


def test_instances_are_passed_on_as_they_are_written() -> None:
    request = asked(b'{"instances": [1.50,  2], "model": "other", "id": 3}')
    assert (request.json, request.form, request.key) == (b'{"instances":[1.50,  2]}', ROWS, "instances")
    assert seen(request).tolist() == [1.5, 2.0]


@pytest.mark.parametrize("inputs", [[1.5, 2.0], {"x": [1.5, 2.0]}])
def test_inputs_are_passed_on_as_columns(inputs: Any) -> None:
    request = asked({"inputs": inputs})
    assert (request.form, request.key, json.loads(request.json)) == (COLUMNS, "inputs", {"columns": inputs})
    assert seen(request).tolist() == [1.5, 2.0]


def test_the_last_64_bit_integers_pass_unchanged() -> None:
    ends = [2**63 - 1, -(2**63)]
    for key in ("instances", "inputs"):
        assert seen(asked({key: ends}), None).tolist() == ends


def test_the_name_of_the_signature_is_kept() -> None:
    for read, body in ((read_predict, {"instances": [1]}), (read_examples, {"examples": [{"x": 1}]})):
        assert asked(body, read).signature_name == ""
        assert asked({**body, "signature_name": "s"}, read).signature_name == "s"
        assert "signature_name" in refused({**body, "signature_name": 100}, read).message


@pytest.mark.parametrize(
    ("body", "message", "field"),
    [
        ({}, "Missing 'inputs' or 'instances' key", ""),
        ({"signature_name": "s"}, "Missing 'inputs' or 'instances' key", ""),
        ({"inputs": [1], "instances": [1]}, "expecting only one of", ""),
        ({"inputs": None, "instances": [1]}, "expecting only one of", ""),
        ({"instances": {"x": 1}}, "'instances' to be a list", "instances"),
        ({"instances": None}, "'instances' to be a list", "instances"),
        ({"inputs": 5}, "'inputs' to be a list", "inputs"),
        ({"inputs": "a"}, "'inputs' to be a list", "inputs"),
        ([1], "the body is no request", ""),
        (b"", "JSON Parse error", ""),
        (b"{", "JSON Parse error", ""),
        (b'{"instances": [nan]}', "JSON Parse error", ""),
        (b'{"instances": [1NaN]}', "JSON Parse error", ""),
        (b'{"instances": [Nancy, NaN]}', "JSON Parse error", ""),
        (b'{"instances": [--Infinity]}', "JSON Parse error", ""),
        (b'{"instances": ["NaN}', "JSON Parse error", ""),
        (b'{"instances": ' + b"[" * 100_000, "JSON Parse error", ""),
        (b'{"instances": [NaN], "a": ' + b"[" * 100_000, "JSON Parse error", ""),
    ],
)
def test_a_body_that_asks_nothing_is_told_why(body: Any, message: str, field: str) -> None:
    failure = refused(body)
    assert (failure.code, failure.field) == (INVALID_ARGUMENT, field)
    assert message in failure.message
    assert len(failure.message) < 350


def test_tokens_for_numbers_that_json_lacks_reach_the_pod() -> None:
    tokens = b"[NaN, Infinity, -Infinity, Inf,-Inf, 1.5]"
    wanted = [math.nan, math.inf, -math.inf, math.inf, -math.inf, 1.5]
    for key in (b"instances", b"inputs"):
        np.testing.assert_array_equal(seen(asked(b'{"%b": %b}' % (key, tokens))), wanted)
    named = asked(b'{"instances": [{"x": NaN}, {"x": 2}]}')
    np.testing.assert_array_equal(seen(named), [math.nan, 2])


@given(st.lists(st.floats() | st.sampled_from(["NaN", '"NaN', "a\\Infinity", "\\", '\\"-Inf']), min_size=1))
def test_strings_that_look_like_tokens_stay_strings(values: list[Any]) -> None:
    body = json.dumps({"instances": values})
    read = json.loads(without_tokens(body.encode()))["instances"]
    for value, found in zip(values, read, strict=True):
        if isinstance(value, float) and not math.isfinite(value):
            assert found == {"number": json.dumps(value)}
        else:
            assert found == value


@given(st.binary(max_size=60) | st.text('NaInf"\\-[],', max_size=60).map(str.encode))
def test_a_text_without_tokens_is_never_changed(text: bytes) -> None:
    changed = without_tokens(text)
    assert changed == text or b"NaN" in text or b"Inf" in text


@pytest.mark.parametrize("part", [b'"\\"', b'\\"', b'"",', b"NaN,", b"-Inf", b'"\\'])
def test_a_hostile_text_costs_no_more_than_its_length(part: bytes) -> None:
    text = b'{"instances":[NaN,"' + part * (60_000 // len(part))
    assert refused(text).message.startswith("JSON Parse error")


def test_tokens_are_looked_for_in_bodies_of_bounded_size() -> None:
    long = b'{"instances": [NaN' + b" " * MAX_TOKEN_BYTES + b"]}"
    assert refused(long).code == RESOURCE_EXHAUSTED
    assert asked(long.replace(b"NaN", b"1")).form == ROWS


def test_examples_are_rows() -> None:
    request = asked({"examples": [{"x": 1.5}, {"x": 2.0}]}, read_examples)
    assert (request.form, request.key) == (ROWS, "examples")
    assert seen(request).tolist() == [1.5, 2.0]
    tokens = asked(b'{"examples": [{"x": NaN}]}', read_examples)
    np.testing.assert_array_equal(seen(tokens), [math.nan])


def test_the_context_says_what_an_example_does_not() -> None:
    body = {"context": {"x": 1, "y": 2}, "examples": [{"x": 5}, {"z": 2**63 - 1}]}
    rows = json.loads(asked(body, read_examples).json)["instances"]
    assert rows == [{"x": 5, "y": 2}, {"x": 1, "y": 2, "z": 2**63 - 1}]


@pytest.mark.parametrize("room", [-1, 0])
def test_a_context_is_repeated_in_so_many_bytes_and_no_more(room: int) -> None:
    count = 8
    value = "x" * (MAX_CONTEXT_BYTES // count - len('"":"",') - room)
    body = {"context": {"": value}, "examples": [{"x": 1}] * count}
    if room == 0:
        rows = json.loads(asked(body, read_examples).json)["instances"]
        assert rows == [{"": value, "x": 1}] * count
    else:
        failure = refused(body, read_examples)
        assert (failure.code, failure.field) == (OUT_OF_RANGE, "context")
        assert str(MAX_CONTEXT_BYTES) in failure.message


def test_a_small_body_that_would_become_a_large_one_is_refused_before_it_does() -> None:
    body = b'{"context":{"a":"%b"},"examples":[%b]}' % (b"x" * 12_000, b",".join([b"{}"] * 4_000))
    tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        assert refused(body, read_examples).code == OUT_OF_RANGE
        assert tracemalloc.get_traced_memory()[1] - before < 2_000_000
    finally:
        tracemalloc.stop()


def test_examples_without_a_context_are_not_bounded_here() -> None:
    assert asked({"examples": [{"x": "y" * MAX_CONTEXT_BYTES}]}, read_examples).form == ROWS


@pytest.mark.parametrize(
    "body", [{}, {"examples": None}, {"examples": []}, {"examples": [1]}, {"examples": {"x": 1}}]
)
def test_examples_that_are_none_are_refused(body: Any) -> None:
    assert "examples" in refused(body, read_examples).message


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3),
)
keys = st.sampled_from(["instances", "inputs", "examples", "context", "signature_name", "columns"])


@given(values | st.dictionaries(keys, values, max_size=4))
def test_any_json_is_a_request_or_a_failure(body: Any) -> None:
    for read in (read_predict, read_examples):
        result = read(json.dumps(body).encode())
        if isinstance(result, TfsRequest):
            item_from_json(result.json, None, ())


@given(st.binary(max_size=60))
def test_any_bytes_are_a_request_or_a_failure(body: bytes) -> None:
    for read in (read_predict, read_examples):
        assert isinstance(read(body), TfsRequest | Failure)


def test_text_that_is_no_utf8_is_refused_at_the_latest_by_the_pod() -> None:
    result: Any = read_predict(b'{"instances": ["\xff"]}')
    if isinstance(result, TfsRequest):
        result = item_from_json(result.json, None, ())
    assert isinstance(result, Failure)
