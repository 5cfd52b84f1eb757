"""Open Inference Protocol requests: JSON and binary are the same tensors, and what is neither is told why."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import DTYPES, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.elements import unpacked
from pointsman.wire.oip_request import OipRequest, RequestedOutput, read_raw, read_request
from pointsman.wire.tensors import array_from_pb, join_bytes

FP32_64 = TensorSpec("x", "FP32", (-1, 2))


def tensor(data: Any = ..., **fields: Any) -> dict[str, Any]:
    given = {"name": "x", "datatype": "FP32", "shape": [1, 2], **fields}
    return given if data is ... else {**given, "data": data}


def sized(size: Any, **fields: Any) -> dict[str, Any]:
    return tensor(**fields, parameters={"binary_data_size": size})


def body(*inputs: Any, **fields: Any) -> bytes:
    return json.dumps({"inputs": inputs, **fields}).encode()


GOOD = tensor([1, 2])


def read(value: bytes, json_length: int | None = None) -> OipRequest:
    request = read_request(value, json_length)
    assert isinstance(request, OipRequest), request
    return request


def refused(value: bytes, json_length: int | None = None) -> Failure:
    failure = read_request(value, json_length)
    assert isinstance(failure, Failure), failure
    assert failure.code == INVALID_ARGUMENT
    assert len(failure.message) < 400
    return failure


def read_binary(raw: bytes, *inputs: Any) -> OipRequest:
    text = body(*inputs)
    return read(text + raw, len(text))


def refused_binary(raw: bytes, *inputs: Any) -> Failure:
    text = body(*inputs)
    return refused(text + raw, len(text))


@st.composite
def raw_tensors(draw: st.DrawFn) -> pb.Tensor:
    """Tensors of every datatype whose elements JSON can say."""
    datatype = draw(st.sampled_from(sorted(DTYPES)))
    shape = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    count = math.prod(shape)
    if datatype == "BYTES":
        texts = draw(st.lists(st.text(max_size=5), min_size=count, max_size=count))
        raw = join_bytes(text.encode() for text in texts)
    else:
        size = count * DTYPES[datatype].itemsize
        raw = draw(st.binary(min_size=size, max_size=size))
        array = np.frombuffer(raw, DTYPES[datatype])
        if array.dtype.kind == "f":
            array = np.where(np.isfinite(array), array, 0).astype(array.dtype)
        raw = bytes(byte & 1 for byte in raw) if datatype == "BOOL" else array.tobytes()
    return pb.Tensor(name="x", datatype=datatype, shape=shape, raw=raw)


def nested(flat: list[Any], shape: list[int]) -> Any:
    if not shape:
        return flat[0]
    step = math.prod(shape[1:])
    return [nested(flat[at * step : (at + 1) * step], shape[1:]) for at in range(shape[0])]


@given(raw_tensors())
def test_flat_json_and_nested_json_and_binary_are_the_same_tensor(wanted: pb.Tensor) -> None:
    shape = list(wanted.shape)
    frame: dict[str, Any] = {"datatype": wanted.datatype, "shape": shape}
    flat = list(unpacked(wanted.raw, wanted.datatype, math.prod(shape)) or ())
    assert read(body(tensor(flat, **frame))).tensors == [wanted]
    if 0 not in shape[:-1]:
        assert read(body(tensor(nested(flat, shape), **frame))).tensors == [wanted]
    assert read_binary(wanted.raw, sized(len(wanted.raw), **frame)).tensors == [wanted]
    assert not isinstance(array_from_pb(wanted), Failure)


def test_json_and_binary_inputs_mix_in_their_order() -> None:
    request = read_binary(
        b"\1\2\3\4\5\6",
        sized(2, name="a", datatype="UINT8"),
        tensor([9, 8], name="b", datatype="UINT8"),
        sized(4, name="c", datatype="INT16"),
    )
    assert [(t.name, t.raw) for t in request.tensors] == [
        ("a", b"\1\2"),
        ("b", b"\t\x08"),
        ("c", b"\3\4\5\6"),
    ]


def test_a_header_as_long_as_the_body_says_that_all_is_json() -> None:
    text = body(GOOD)
    assert read(text, len(text)).tensors == read(text).tensors


@pytest.mark.parametrize("json_length", [-1, 0, 10**6])
def test_a_header_out_of_range_is_refused(json_length: int) -> None:
    assert refused(body(GOOD), json_length).field == "Inference-Header-Content-Length"


def test_a_header_that_cuts_the_json_is_refused() -> None:
    text = body(GOOD)
    assert "malformed" in refused(text, len(text) - 1).message


@pytest.mark.parametrize("size", [-1, 9, 2**70, "8", 8.0, True, None, [8]])
def test_a_size_that_is_no_size_or_more_than_there_is_is_refused(size: Any) -> None:
    assert refused_binary(b"\0" * 8, sized(size)).field == "inputs.x.parameters.binary_data_size"


@pytest.mark.parametrize(
    ("raw", "frame", "words"),
    [
        (b"\0" * 4, {}, "needs 8 bytes, there are 4"),
        (b"\0" * 8, {"datatype": "FP64"}, "needs 16 bytes, there are 8"),
        (b"", {"shape": [2**24, 2**24]}, "needs 1125899906842624 bytes"),
        (b"\0\2", {"datatype": "BOOL"}, "the byte 0 or 1"),
        (b"\1\0\0", {"datatype": "BYTES"}, "cut short"),
        (b"\2\0\0\0a", {"datatype": "BYTES"}, "cut short"),
        (b"\xff\xff\xff\xff", {"datatype": "BYTES"}, "cut short"),
        (b"\0\0\0\0" * 3, {"datatype": "BYTES"}, "needs 2 elements, there are 3"),
        (b"\0\0\0\0", {"datatype": "BYTES"}, "needs 2 elements, there are 1"),
        (b"\0" * 4, {"datatype": "BF16"}, "unknown datatype 'BF16'"),
    ],
)
def test_bytes_that_are_not_the_tensor_are_refused(raw: bytes, frame: dict[str, Any], words: str) -> None:
    failure = refused_binary(raw, sized(len(raw), **frame))
    assert failure.field.startswith("inputs.x")
    assert words in failure.message


def test_bytes_behind_the_last_tensor_are_refused() -> None:
    assert "3 bytes are left over" in refused_binary(b"\0" * 11, sized(8)).message
    assert "2 bytes are left over" in refused_binary(b"\0" * 2, GOOD).message


def test_binary_data_needs_the_header() -> None:
    assert "needs the header" in refused(body(sized(8))).message


def test_an_input_has_its_elements_once() -> None:
    assert "give one of them" in refused_binary(b"\0" * 8, {**sized(8), "data": [1, 2]}).message
    assert refused(body(tensor())).field == "inputs.x.data"
    assert refused(body(tensor(None))).field == "inputs.x.data"


@pytest.mark.parametrize("shape", [[], [-1, 2], [2**63], [0, 2**62, 4], [1] * 33, [2**24, 2**25]])
def test_an_impossible_shape_is_refused(shape: list[int]) -> None:
    assert refused(body(tensor([], shape=shape))).field == "inputs.x.shape"
    assert refused_binary(b"", sized(0, shape=shape)).field == "inputs.x.shape"


@pytest.mark.parametrize(
    ("field", "inputs", "rest"),
    [
        ("inputs", [], {}),
        ("inputs[1].name", [GOOD, tensor(name=3)], {}),
        ("inputs[0].shape[1]", [tensor([1, 2], shape=[1, 2.5])], {}),
        ("inputs.x", [GOOD, GOOD], {}),
        ("inputs.x.data", [tensor([1, 2, 3])], {}),
        ("inputs.x.data", [tensor([1, 1e39])], {}),
        ("inputs.x.data", [tensor([1, 256], datatype="UINT8")], {}),
        ("inputs.x.data", [tensor([1, True])], {}),
        ("inputs.x.parameters.shared_memory_region", [tensor(parameters={"shared_memory_region": "r"})], {}),
        ("id", [GOOD], {"id": 1.5}),
        ("id", [GOOD], {"id": True}),
        ("outputs.y", [GOOD], {"outputs": [{"name": "y"}, {"name": "y"}]}),
        (
            "outputs.y.parameters.binary_data",
            [GOOD],
            {"outputs": [{"name": "y", "parameters": {"binary_data": 1}}]},
        ),
        (
            "outputs.y.parameters.classification",
            [GOOD],
            {"outputs": [{"name": "y", "parameters": {"classification": 3}}]},
        ),
        ("parameters.binary_data_output", [GOOD], {"parameters": {"binary_data_output": "true"}}),
        ("parameters.a", [GOOD], {"parameters": {"a": {"b": 1}}}),
        ("parameters.a", [GOOD], {"parameters": {"a": None}}),
        ("parameters.timeout", [GOOD], {"parameters": {"timeout": -1}}),
        ("parameters.timeout", [GOOD], {"parameters": {"timeout": 2**63}}),
        ("parameters.timeout", [GOOD], {"parameters": {"timeout": True}}),
        ("parameters.timeout", [GOOD], {"parameters": {"timeout": "1"}}),
    ],
)
def test_a_refusal_names_the_field(field: str, inputs: list[Any], rest: dict[str, Any]) -> None:
    failure = refused(body(*inputs, **rest))
    assert (failure.field, field in failure.message) == (field, True)


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "nan"])
def test_a_number_that_json_lacks_is_refused_by_name(token: str) -> None:
    value = body(tensor([1, 77])).replace(b"77", token.encode())
    assert "NaN and Infinity are not JSON" in refused(value).message


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"[]",
        b"nonsense",
        b"[" * 100_000,
        b'{"inputs": ' + b"[" * 100_000,
        body(tensor(77)).replace(b"77", b"[" * 100_000 + b"]" * 100_000),
        body(GOOD, parameters={"a": 77}).replace(b"77", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        body(GOOD).replace(b"[1, 2]}", b"[1, " + b"2" * 5_000 + b"]}"),
        body(GOOD).replace(b"[1, 2]}", b"[1, 2e999]}"),
        body(GOOD, id="\ud800"),
        b'{"inputs": [{"name": "\xff"}]}',
        body(tensor([1, 2], name="x" * 10_000, datatype="y" * 10_000)),
        body(GOOD, parameters={"p" * 10_000: None}),
        body(*[GOOD] * 5_000),
    ],
    ids=range(15),
)
def test_a_broken_body_is_refused_and_nothing_worse(value: bytes) -> None:
    refused(value)
    refused(value, len(value) or None)


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3),
)


@given(
    st.fixed_dictionaries(
        {"inputs": st.lists(st.fixed_dictionaries({"name": st.text(max_size=2)}, optional={
            "shape": st.lists(st.integers(-1, 3), max_size=2),
            "datatype": st.sampled_from([*DTYPES, "BF16"]),
            "data": trees,
            "parameters": st.dictionaries(st.sampled_from(["binary_data_size", "a"]), trees),
        }), max_size=2)},
        optional={"parameters": trees, "outputs": trees, "id": trees},
    ),
    st.none() | st.integers(-2, 300),
    st.binary(max_size=9),
)  # fmt: skip
def test_any_body_is_a_request_or_a_failure(value: Any, json_length: int | None, tail: bytes) -> None:
    text = json.dumps(value).encode()
    for length in (json_length, len(text)):
        result = read_request(text + tail, length)
        if isinstance(result, Failure):
            assert result.code == INVALID_ARGUMENT
        else:
            assert not any(isinstance(array_from_pb(tensor), Failure) for tensor in result.tensors)


def test_null_characters_stay_in_texts() -> None:
    (read_tensor,) = read(body(tensor(["a\0b", "\0"], datatype="BYTES"))).tensors
    assert read_tensor.raw == b"\3\0\0\0a\0b\1\0\0\0\0"


def test_the_id_is_a_text_or_a_number() -> None:
    assert [read(body(GOOD, **given)).id for given in ({}, {"id": None}, {"id": "a"}, {"id": 7})] == [
        "",
        "",
        "a",
        "7",
    ]


@pytest.mark.parametrize(
    ("parameters", "outputs", "wanted"),
    [
        ({}, None, None),
        ({"binary_data_output": True}, [], None),
        ({}, [{"name": "a"}, {"name": "b", "parameters": {"binary_data": True}}], [False, True]),
        (
            {"binary_data_output": True},
            [{"name": "a"}, {"name": "b", "parameters": {"binary_data": False}}],
            [True, False],
        ),
    ],
)
def test_outputs_are_binary_where_they_or_the_request_say_so(
    parameters: dict[str, Any], outputs: Any, wanted: list[bool] | None
) -> None:
    request = read(body(GOOD, parameters=parameters, outputs=outputs))
    assert request.binary_default is bool(parameters)
    names = wanted and tuple(map(RequestedOutput, "ab", wanted))
    assert request.outputs == names


@pytest.mark.parametrize(
    ("us", "ms"), [(0, 0), (1, 1), (1000, 1), (1001, 2), (2**63 - 1, -(-(2**63) // 1000))]
)
def test_a_timeout_is_rounded_up_to_milliseconds(us: int, ms: int) -> None:
    assert read(body(GOOD, parameters={"timeout": us})).timeout_ms == ms


def test_parameters_without_a_meaning_here_are_kept_and_headers_that_are_an_object_dropped() -> None:
    kept = {"priority": 1, "sequence_id": "s", "sequence_start": True, "temperature": 0.5}
    meant = {"timeout": 1000, "binary_data_output": False}
    assert read(body(GOOD, parameters={**kept, **meant, "headers": {"a": "b"}})).parameters == kept
    assert read(body(GOOD, parameters={"headers": "h"})).parameters == {"headers": "h"}


def test_fields_that_nobody_knows_are_not_read() -> None:
    assert read(body({**GOOD, "other": [1]}, other={"a": None})).tensors == read(body(GOOD)).tensors


@pytest.mark.parametrize(
    ("datatype", "spec", "value", "shape"),
    [
        ("FP32", (-1, 2), b"\0" * 8, [1, 2]),
        ("FP32", (-1, 2), b"\0" * 24, [3, 2]),
        ("FP32", (-1, -1), b"\0" * 24, [1, 6]),
        ("UINT8", (-1, 2, -1), b"\0" * 6, [1, 2, 3]),
        ("UINT8", (3,), b"\0" * 3, [3]),
        ("FP32", (-1, 0), b"", [0, 0]),
    ],
)
def test_a_raw_body_is_the_only_input(
    datatype: str, spec: tuple[int, ...], value: bytes, shape: list[int]
) -> None:
    request = read_raw(value, [TensorSpec("x", datatype, spec)])
    assert isinstance(request, OipRequest)
    assert request.tensors == [pb.Tensor(name="x", datatype=datatype, shape=shape, raw=value)]


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (-1, -1)])
def test_a_raw_body_of_bytes_is_one_element(shape: tuple[int, ...]) -> None:
    request = read_raw(b"jpeg\0", [TensorSpec("image", "BYTES", shape)])
    assert isinstance(request, OipRequest)
    assert (list(request.tensors[0].shape), request.tensors[0].raw) == ([1] * len(shape), b"\5\0\0\0jpeg\0")


@pytest.mark.parametrize(
    ("specs", "value"),
    [
        ([FP32_64], b"\0" * 7),
        ([FP32_64], b"\0" * 12),
        ([TensorSpec("x", "FP32", (-1, -1, -1))], b"\0" * 4),
        ([TensorSpec("x", "BYTES", (-1, 2))], b"\0" * 4),
        ([TensorSpec("x", "BOOL", (-1,))], b"\2"),
        ([FP32_64, FP32_64], b"\0" * 8),
        ([], b"\0" * 8),
    ],
)
def test_a_raw_body_that_is_not_the_only_input_is_refused(specs: list[TensorSpec], value: bytes) -> None:
    failure = read_raw(value, specs)
    assert isinstance(failure, Failure)
    assert failure.code == INVALID_ARGUMENT
