"""TensorFlow's TensorProto to a tensor and back, exact and strict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from pointsman.core.tensor import DTYPES, Array
from pointsman.errors import Failure
from pointsman.pb.tfs import tensor_pb2 as tf
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_grpc import array_of
from pointsman.wire.shape import invalid, shape_of
from pointsman.wire.tensors import array_from_pb, tensor_to_pb

# So much may a request grow where one value stands for many.
MAX_REPEATED_BYTES: Final = 16 << 20


class _Kind(NamedTuple):
    datatype: str
    values: str  # the field of a TensorProto that lists the elements


_KINDS: Final = {
    tf.DT_FLOAT: _Kind("FP32", "float_val"),
    tf.DT_DOUBLE: _Kind("FP64", "double_val"),
    tf.DT_INT32: _Kind("INT32", "int_val"),
    tf.DT_UINT8: _Kind("UINT8", "int_val"),
    tf.DT_INT16: _Kind("INT16", "int_val"),
    tf.DT_INT8: _Kind("INT8", "int_val"),
    tf.DT_STRING: _Kind("BYTES", "string_val"),
    tf.DT_INT64: _Kind("INT64", "int64_val"),
    tf.DT_BOOL: _Kind("BOOL", "bool_val"),
    tf.DT_UINT16: _Kind("UINT16", "int_val"),
    tf.DT_HALF: _Kind("FP16", "half_val"),
    tf.DT_UINT32: _Kind("UINT32", "uint32_val"),
    tf.DT_UINT64: _Kind("UINT64", "uint64_val"),
}
DATA_TYPES: Final = {kind.datatype: data_type for data_type, kind in _KINDS.items()}


def tensor_from_proto(
    name: str, proto: tf.TensorProto, room: int = MAX_REPEATED_BYTES
) -> pb.Tensor | Failure:
    """Return the tensor: elements from tensor_content or from the datatype's list, never from both.

    A list has as many values as the shape needs, or a single one, which is then repeated, into at most
    `room` bytes. The bytes of strings in tensor_content follow their lengths, which are varints.
    """
    kind = _KINDS.get(proto.dtype)
    if kind is None:
        return invalid(name, f"{_type_name(proto.dtype)} is not served")
    shape = shape_of((dim.size for dim in proto.tensor_shape.dim), name)
    if isinstance(shape, Failure):
        return shape
    ambiguity = _ambiguity(proto, kind)
    if ambiguity:
        return invalid(name, ambiguity)
    if proto.tensor_content:
        return _from_content(name, kind.datatype, shape, proto.tensor_content)
    return _from_values(name, kind, shape, getattr(proto, kind.values), room)


def tensor_to_proto(tensor: pb.Tensor) -> tf.TensorProto | Failure:
    """Return the TensorProto with its elements in the datatype's list, where simple clients read them."""
    array = array_from_pb(tensor)
    if isinstance(array, Failure):
        return array
    proto = tf.TensorProto(dtype=DATA_TYPES[tensor.datatype], tensor_shape=shape_to_proto(tensor.shape))
    if array.dtype.kind == "f" and array.dtype.itemsize == 2:
        array = array.view(np.uint16)
    getattr(proto, _KINDS[proto.dtype].values).extend(array.ravel().tolist())
    return proto


def shape_to_proto(shape: Sequence[int]) -> tf.TensorShapeProto:
    """Return the shape; -1 stays, as any size."""
    return tf.TensorShapeProto(dim=[tf.TensorShapeProto.Dim(size=size) for size in shape])


def _ambiguity(proto: tf.TensorProto, kind: _Kind) -> str:
    if proto.tensor_shape.unknown_rank:
        return "the rank of the shape is unknown; send the real sizes"
    given = [field.name for field, _ in proto.ListFields() if field.name.endswith(("_val", "_content"))]
    for field in given:
        if field not in (kind.values, "tensor_content"):
            return f"the elements of {_type_name(proto.dtype)} are in {kind.values}, not in {field}"
    return f"tensor_content and {kind.values} cannot both be given" if len(given) > 1 else ""


def _from_content(name: str, datatype: str, shape: tuple[int, ...], content: bytes) -> pb.Tensor | Failure:
    if datatype == "BYTES":
        elements = _strings(content, math.prod(shape))
        if elements is None:
            return invalid(name, f"tensor_content does not hold {math.prod(shape)} strings and their lengths")
        return _shaped(name, array_of(elements, datatype), shape)
    tensor = pb.Tensor(name=name, datatype=datatype, shape=shape, raw=content)
    checked = array_from_pb(tensor)
    return invalid(name, checked.message) if isinstance(checked, Failure) else tensor


def _from_values(
    name: str, kind: _Kind, shape: tuple[int, ...], values: Sequence[Any], room: int
) -> pb.Tensor | Failure:
    count = math.prod(shape)
    if len(values) not in (1, count) or (len(values) == 1 and count == 0):
        message = f"shape {list(shape)} needs {count} values, or one for all; {kind.values} has {len(values)}"
        return invalid(name, message)
    if len(values) < count and count * _size(kind.datatype, values[0]) > room:
        return invalid(name, f"shape {list(shape)} repeats a value into more than {room} bytes; send fewer")
    array = _array(kind, values)
    if array is None:
        return invalid(name, f"a value of {kind.values} does not fit {kind.datatype}")
    return _shaped(name, array if len(values) == count else np.repeat(array, count), shape)


def _shaped(name: str, array: Array | None, shape: tuple[int, ...]) -> pb.Tensor | Failure:
    assert array is not None
    tensor = tensor_to_pb(name, array)
    if isinstance(tensor, Failure):
        return tensor
    del tensor.shape[:]
    tensor.shape.extend(shape)
    checked = array_from_pb(tensor)  # the shape may still be astronomical in a dimension beside a 0
    return invalid(name, checked.message) if isinstance(checked, Failure) else tensor


def _array(kind: _Kind, values: Sequence[Any]) -> Array | None:
    if kind.datatype != "FP16":
        return array_of(values, kind.datatype)
    bits = array_of(values, "UINT16")
    return None if bits is None else bits.view(DTYPES["FP16"])


def _size(datatype: str, value: Any) -> int:
    return len(value) + 4 if isinstance(value, bytes) else DTYPES[datatype].itemsize


def _strings(content: bytes, count: int) -> list[bytes] | None:
    """Return `count` strings: first their lengths as varints, then all their bytes."""
    if count > len(content):
        return None
    lengths, at = [], 0
    for _ in range(count):
        length = shift = 0
        while True:
            if at >= len(content) or shift > 28:
                return None
            byte = content[at]
            at, length, shift = at + 1, length | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        lengths.append(length)
    if at + sum(lengths) != len(content):
        return None
    strings = []
    for length in lengths:
        strings.append(content[at : at + length])
        at += length
    return strings


def _type_name(data_type: int) -> str:
    return tf.DataType.Name(data_type) if data_type in tf.DataType.values() else f"data type {data_type}"
