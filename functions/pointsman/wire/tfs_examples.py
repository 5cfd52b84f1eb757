"""Examples, rows of named features, to tensors: the input of TensorFlow Serving's Classify and Regress."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pointsman.core.tensor import DTYPES, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.tfs import serving_pb2 as tfs
from pointsman.pb.tfs import tensor_pb2 as tf
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_grpc import array_of
from pointsman.wire.shape import invalid
from pointsman.wire.tensors import tensor_to_pb
from pointsman.wire.tfs_tensor import MAX_REPEATED_BYTES

# Kind of a feature -> the datatype it has where no signature says, and the kinds of dtype it may fill.
_DATATYPES: Final = {"bytes_list": "BYTES", "float_list": "FP32", "int64_list": "INT64"}
_FILLS: Final = {"bytes_list": "O", "float_list": "f", "int64_list": "biuf"}


class _Column(NamedTuple):
    kind: str
    width: int
    values: list[Any]


def tensors_of_examples(given: tfs.Input, signature: Signature | None) -> list[pb.Tensor] | Failure:
    """Return a tensor for each input of the signature, or for each feature where there is none.

    The examples are the rows; each has every feature, in one kind and length. A signature whose only input
    is BYTES and no feature's name takes the examples themselves, serialised, as a SavedModel would.
    """
    examples = _examples(given)
    if isinstance(examples, Failure):
        return examples
    names = sorted(examples[0].features.feature)
    if signature is None:
        return _all(examples, [(name, None) for name in names])
    inputs = signature.inputs
    if len(inputs) == 1 and inputs[0].datatype == "BYTES" and inputs[0].name not in names:
        return _serialised(examples, inputs[0])
    return _all(examples, [(spec.name, spec) for spec in inputs])


def _examples(given: tfs.Input) -> Sequence[tf.Example] | Failure:
    kind = given.WhichOneof("kind")
    examples = getattr(given, kind).examples if kind else ()
    if not examples:
        return Failure(INVALID_ARGUMENT, "Input is empty: send at least one example", "input")
    if kind == "example_list":
        return list(examples)
    context = given.example_list_with_context.context
    if context.ByteSize() * len(examples) > MAX_REPEATED_BYTES:
        message = f"the context repeated for every example is over {MAX_REPEATED_BYTES} bytes; send fewer"
        return invalid("input.context", message)
    return [_joined(context, example) for example in examples]


def _joined(context: tf.Example, example: tf.Example) -> tf.Example:
    joined = tf.Example()
    joined.CopyFrom(context)
    joined.MergeFrom(example)  # an entry of a map takes the place of its namesake
    return joined


def _serialised(examples: Sequence[tf.Example], spec: TensorSpec) -> list[pb.Tensor] | Failure:
    array = array_of([example.SerializeToString() for example in examples], "BYTES")
    assert array is not None
    tensor = tensor_to_pb(spec.name, array)
    return tensor if isinstance(tensor, Failure) else [tensor]


def _all(
    examples: Sequence[tf.Example], wanted: Sequence[tuple[str, TensorSpec | None]]
) -> list[pb.Tensor] | Failure:
    if not wanted:
        return Failure(INVALID_ARGUMENT, "the examples hold no features", "input")
    rows = [example.features.feature for example in examples]
    tensors = []
    for name, spec in wanted:
        column = _column(rows, name)
        tensor = column if isinstance(column, Failure) else _tensor(name, column, len(rows), spec)
        if isinstance(tensor, Failure):
            return tensor
        tensors.append(tensor)
    return tensors


def _column(rows: Sequence[Mapping[str, tf.Feature]], name: str) -> _Column | Failure:
    kind, width, values = None, 0, []
    for number, row in enumerate(rows):
        feature = row.get(name)
        found = None if feature is None else feature.WhichOneof("kind")
        if feature is None or found is None:
            return invalid(name, f"example {number} lacks the feature")
        part = getattr(feature, found).value
        if kind is None:
            kind, width = found, len(part)
        if (found, len(part)) != (kind, width):
            message = f"example {number} has {len(part)} values in {found}, those before {width} in {kind}"
            return invalid(name, message)
        values.extend(part)
    assert kind is not None
    return _Column(kind, width, values)


def _tensor(name: str, column: _Column, count: int, spec: TensorSpec | None) -> pb.Tensor | Failure:
    datatype = spec.datatype if spec is not None else _DATATYPES[column.kind]
    if DTYPES[datatype].kind not in _FILLS[column.kind]:
        return invalid(name, f"the model takes {datatype}, the examples have {column.kind}")
    array = array_of(column.values, datatype)
    if array is None:
        return invalid(name, f"a value does not fit {datatype}")
    shape = _shape(count, column.width, spec)
    if shape is None:
        wanted = list(spec.shape) if spec is not None else []
        return invalid(name, f"the model takes shape {wanted}, the examples have {column.width} values each")
    return tensor_to_pb(name, array.reshape(shape))


def _shape(count: int, width: int, spec: TensorSpec | None) -> tuple[int, ...] | None:
    """Return the shape of `count` rows of `width` values; None where the signature's cannot hold them."""
    if spec is None or len(spec.shape) == 2:
        fits = spec is None or spec.shape[1] in (-1, width)
        return (count, width) if fits else None
    known = math.prod(size for size in spec.shape[1:] if size != -1)
    free = spec.shape[1:].count(-1)
    if free > 1 or known == 0 or width % known or (not free and width != known):
        return None
    return (count, *(width // known if size == -1 else size for size in spec.shape[1:]))
