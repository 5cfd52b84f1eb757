"""A task's request to the item that a model runs on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pointsman.core.tensor import DTYPES, Array, Item, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.json_request import item_from_json
from pointsman.wire.task import Work
from pointsman.wire.tensors import array_from_pb


def decode_work(work: Work, signature: Signature | None, features: Sequence[str]) -> Item | Failure:
    """Return the tensors of a task, or why it has none. The signature only guides JSON without datatypes."""
    if work.fault is not None:
        return work.fault
    if work.request is None:
        return _from_json(work.json, signature, features)
    request = work.request
    payload = request.WhichOneof("payload")
    if payload == "tensors":
        return _from_tensors(request.tensors)
    if payload == "json":
        return _from_json(request.json, signature, features)
    if payload == "blob":
        name = signature.inputs[0].name if signature else "input"
        return {name: _bytes_element(request.blob.data)}
    return Failure(INVALID_ARGUMENT, "the request holds no payload: tensors, json or blob", "payload")


def uniform_items(work: Sequence[Work], signature: Signature | None) -> list[Item] | None:
    """Return the items of a batch in which every request holds one and the same kind of tensor.

    None where that is not so, or where a tensor does not fit the signature's only input: then each is to be
    looked at alone. It saves what dominates a large batch of small requests, an array per request.
    """
    if signature is None or len(signature.inputs) != 1 or any(one.request is None for one in work):
        return None
    spec = signature.inputs[0]
    columns = [one.request.tensors.tensors for one in work]  # type: ignore[union-attr]
    if set(map(len, columns)) != {1}:
        return None
    tensors = [column[0] for column in columns]
    shape = tuple(tensors[0].shape)
    dtype = DTYPES[spec.datatype]
    if dtype.hasobject or dtype.kind == "b" or not _fits(spec, shape):
        return None
    name, datatype, sizes = spec.name, spec.datatype, list(shape)  # a list compares without a copy
    if any(t.name != name or t.datatype != datatype or t.shape != sizes for t in tensors):
        return None
    raws = [tensor.raw for tensor in tensors]
    if set(map(len, raws)) != {math.prod(shape) * dtype.itemsize}:
        return None
    joined = np.frombuffer(b"".join(raws), dtype).reshape(len(raws), *shape)
    return [{name: array} for array in joined]


def _fits(spec: TensorSpec, shape: tuple[int, ...]) -> bool:
    return (
        len(shape) == len(spec.shape)
        and math.prod(shape) > 0
        and all(
            want in (-1, have) and have >= 0 for want, have in zip(spec.shape[1:], shape[1:], strict=True)
        )
    )


def _from_tensors(tensors: pb.Tensors) -> Item | Failure:
    item: Item = {}
    for tensor in tensors.tensors:
        array = array_from_pb(tensor)
        if isinstance(array, Failure):
            return array
        item[tensor.name] = array
    if not item:
        return Failure(INVALID_ARGUMENT, "the request holds no tensor", "tensors")
    return item


def _from_json(body: bytes, signature: Signature | None, features: Sequence[str]) -> Item | Failure:
    parsed = item_from_json(body, signature, features)
    return parsed if isinstance(parsed, Failure) else parsed[1]


def _bytes_element(data: bytes) -> Array:
    array = np.empty(1, dtype=object)
    array[0] = data
    return array
