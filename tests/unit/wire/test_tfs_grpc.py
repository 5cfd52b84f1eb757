"""TensorFlow's tensors survive both ways; what does not fit is a failure that names it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import DTYPES
from pointsman.errors import NOT_FOUND, Failure
from pointsman.pb.tfs import serving_pb2 as tfs
from pointsman.pb.tfs import tensor_pb2 as tf
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.tensors import array_from_pb, tensor_to_pb
from pointsman.wire.tfs_grpc import Target, answer_of, target_of, tensors_of, unknown_servable
from pointsman.wire.tfs_tensor import MAX_REPEATED_BYTES, tensor_from_proto, tensor_to_proto

shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)


def proto(dtype: tf.DataType, shape: tuple[int, ...], **fields: Any) -> tf.TensorProto:
    dims = [tf.TensorShapeProto.Dim(size=size) for size in shape]
    return tf.TensorProto(dtype=dtype, tensor_shape=tf.TensorShapeProto(dim=dims), **fields)


def array_of(message: tf.TensorProto) -> Any:
    tensor = tensor_from_proto("x", message)
    assert isinstance(tensor, pb.Tensor), tensor
    return array_from_pb(tensor)


def failure_of(message: tf.TensorProto) -> str:
    failure = tensor_from_proto("x", message)
    assert isinstance(failure, Failure)
    return failure.message


@given(st.sampled_from(sorted(set(DTYPES) - {"BYTES"})), shapes, st.data())
def test_a_number_tensor_round_trips_by_values_and_by_content(
    datatype: str, shape: tuple[int, ...], data: st.DataObject
) -> None:
    size = int(np.prod(shape, dtype=int)) * DTYPES[datatype].itemsize
    raw = data.draw(st.binary(min_size=size, max_size=size))
    raw = bytes(byte & 1 for byte in raw)  # no NaN: its payload is not kept; and valid BOOL
    tensor = pb.Tensor(name="x", datatype=datatype, shape=shape, raw=raw)
    message = tensor_to_proto(tensor)
    assert isinstance(message, tf.TensorProto)
    assert tensor_from_proto("x", message) == tensor
    content = proto(message.dtype, shape, tensor_content=raw)
    assert tensor_from_proto("x", content) == tensor


@given(st.lists(st.binary(max_size=200), min_size=2, max_size=5))
def test_strings_round_trip_by_values_and_by_content(strings: list[bytes]) -> None:
    array: np.ndarray[Any, Any] = np.empty(len(strings), object)
    array[:] = strings
    tensor = tensor_to_pb("x", array)
    assert isinstance(tensor, pb.Tensor)
    message = tensor_to_proto(tensor)
    assert isinstance(message, tf.TensorProto)
    assert list(message.string_val) == strings
    assert tensor_from_proto("x", message) == tensor
    lengths = b"".join(
        bytes([len(text)]) if len(text) < 128 else bytes([len(text) & 127 | 128, len(text) >> 7])
        for text in strings
    )
    content = proto(tf.DT_STRING, (len(strings),), tensor_content=lengths + b"".join(strings))
    assert tensor_from_proto("x", content) == tensor


@given(st.binary(max_size=40), st.lists(st.integers(-1, 5), max_size=3), st.integers(-3, 30))
def test_no_content_raises(content: bytes, shape: list[int], dtype: int) -> None:
    message = tf.TensorProto(tensor_content=content)
    message.dtype = dtype  # type: ignore[assignment]
    message.tensor_shape.dim.extend(tf.TensorShapeProto.Dim(size=size) for size in shape)
    assert isinstance(tensor_from_proto("x", message), pb.Tensor | Failure)


def test_a_single_value_is_repeated() -> None:
    assert array_of(proto(tf.DT_FLOAT, (2, 2), float_val=[1.5])).tolist() == [[1.5, 1.5], [1.5, 1.5]]
    assert array_of(proto(tf.DT_STRING, (2,), string_val=[b"a\0"])).tolist() == [b"a\0", b"a\0"]
    assert array_of(proto(tf.DT_HALF, (3,), half_val=[0x3C00])).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            proto(tf.DT_FLOAT, (3,), float_val=[1, 2]),
            "'x': shape [3] needs 3 values, or one for all; float_val",
        ),
        (proto(tf.DT_FLOAT, (2,)), "needs 2 values, or one for all; float_val has 0"),
        (proto(tf.DT_FLOAT, (0,), float_val=[1]), "needs 0 values"),
        (proto(tf.DT_FLOAT, (2,), double_val=[1, 2]), "of DT_FLOAT are in float_val, not in double_val"),
        (proto(tf.DT_FLOAT, (1,), float_val=[1], tensor_content=bytes(4)), "cannot both be given"),
        (proto(tf.DT_FLOAT, (2,), tensor_content=bytes(7)), "needs 8 bytes, there are 7"),
        (proto(tf.DT_STRING, (2,), tensor_content=b"\2\1ab"), "does not hold 2 strings and their lengths"),
        (proto(tf.DT_STRING, (10**15,), tensor_content=b"\2"), "does not hold 1000000000000000 strings"),
        (proto(tf.DT_INT8, (1,), int_val=[200]), "a value of int_val does not fit INT8"),
        (proto(tf.DT_UINT16, (1,), int_val=[-1]), "a value of int_val does not fit UINT16"),
        (proto(tf.DT_HALF, (1,), half_val=[1 << 16]), "does not fit FP16"),
        (proto(tf.DT_BFLOAT16, (1,), half_val=[1]), "DT_BFLOAT16 is not served"),
        (proto(99, (1,)), "data type 99 is not served"),  # type: ignore[arg-type]
        (proto(tf.DT_FLOAT, (-1,), float_val=[1]), "negative dimension"),
        (proto(tf.DT_FLOAT, (2**62, 4), float_val=[1]), "repeats a value into more than"),
        (
            tf.TensorProto(dtype=tf.DT_FLOAT, tensor_shape={"unknown_rank": True}),
            "rank of the shape is unknown",
        ),
    ],
)
def test_what_is_wrong_is_said_by_name(message: tf.TensorProto, said: str) -> None:
    assert said in failure_of(message)


def test_many_small_bombs_do_not_add_up_to_a_large_one() -> None:
    half = MAX_REPEATED_BYTES // 2 // 4
    bomb = proto(tf.DT_FLOAT, (half,), float_val=[1])
    assert not isinstance(tensors_of(tfs.PredictRequest(inputs={"a": bomb, "b": bomb})), Failure)
    failure = tensors_of(tfs.PredictRequest(inputs={"a": bomb, "b": bomb, "c": bomb}))
    assert isinstance(failure, Failure)
    assert failure.field == "c"


def test_a_model_spec_names_a_version_a_label_or_neither() -> None:
    assert target_of(tfs.ModelSpec(name="m")) == Target("m", "", "")
    assert target_of(tfs.ModelSpec(name="m", version={"value": 0})) == Target("m", "0", "")
    assert target_of(tfs.ModelSpec(name="m", version_label="live")) == Target("m", "", "live")
    assert target_of(tfs.ModelSpec(name="m", signature_name="serving_default")) == Target("m", "", "")


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (tfs.ModelSpec(), "model_spec.name"),
        (tfs.ModelSpec(name="m", version={"value": -1}), "model_spec.version"),
        (tfs.ModelSpec(name="m", signature_name="other"), "model_spec.signature_name"),
    ],
)
def test_a_model_spec_that_names_nobody_is_refused(spec: tfs.ModelSpec, field: str) -> None:
    failure = target_of(spec)
    assert isinstance(failure, Failure)
    assert failure.field == field


def test_the_output_filter_chooses_and_an_unknown_name_is_refused() -> None:
    outputs = pb.Tensors(
        tensors=[{"name": name, "datatype": "UINT8", "shape": [1], "raw": b"\7"} for name in "ab"]
    )
    response = pb.InferenceResponse(version="4", outputs=outputs)
    asked = tfs.PredictRequest(model_spec={"name": "m"}, output_filter=["b"])
    answer = answer_of(asked, response)
    assert isinstance(answer, tfs.PredictResponse)
    assert {name: list(tensor.int_val) for name, tensor in answer.outputs.items()} == {"b": [7]}
    assert answer.model_spec == tfs.ModelSpec(
        name="m", version={"value": 4}, signature_name="serving_default"
    )
    failure = answer_of(tfs.PredictRequest(output_filter=["c"]), response)
    assert isinstance(failure, Failure)
    assert "output tensor alias not found" in failure.message


def test_an_unknown_servable_is_told_in_the_words_clients_look_for() -> None:
    assert unknown_servable(Target("m", "", "")).message == "Servable not found for request: Latest(m)"
    assert unknown_servable(Target("m", "3", "")).message == "Servable not found for request: Specific(m, 3)"
    assert "version label: 'live'" in unknown_servable(Target("m", "", "live")).message
    assert unknown_servable(Target("m", "", "")).code == NOT_FOUND
