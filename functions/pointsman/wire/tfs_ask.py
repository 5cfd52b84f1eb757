"""TensorFlow Serving's predict over REST and its metadata, as one who asks writes and reads them."""

from __future__ import annotations

import binascii
from typing import Any, Final

import msgspec

from pointsman.core.tensor import DTYPES, Array, Item, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.wire.json_outputs import rows_of
from pointsman.wire.malformed import UNREADABLE, malformed
from pointsman.wire.non_finite import encode_with_tokens
from pointsman.wire.tfs_metadata import DATA_TYPES
from pointsman.wire.tfs_rows import PREDICTIONS, read_predictions

_NAMES: Final = {name: datatype for datatype, name in DATA_TYPES.items()}


class _Dim(msgspec.Struct):
    size: int | str = -1


class _Shape(msgspec.Struct):
    dim: list[_Dim] = []
    unknown_rank: bool = False


class _Info(msgspec.Struct):
    dtype: str
    tensor_shape: _Shape = msgspec.field(default_factory=_Shape)


class _Definition(msgspec.Struct):
    inputs: dict[str, _Info] = {}
    outputs: dict[str, _Info] = {}


class _Definitions(msgspec.Struct):
    signature_def: dict[str, _Definition] = {}


class _Inner(msgspec.Struct):
    signature_def: _Definitions


class _Metadata(msgspec.Struct):
    metadata: _Inner


_decoder: Final = msgspec.json.Decoder(_Metadata)


def write_instances(item: Item, signature_name: str) -> bytes:
    """Return the body that asks for a prediction per row; BYTES are written as {"b64"}."""
    tree: dict[str, Any] = {"signature_name": signature_name} if signature_name else {}
    tree["instances"] = rows_of({name: _values(array) for name, array in item.items()})
    return encode_with_tokens(tree, item.values())


def read_outputs(body: bytes, outputs: tuple[TensorSpec, ...]) -> Item | Failure:
    """Return the predictions, of the datatypes that `outputs` tell; a single output has its name there."""
    found = read_predictions(body)
    if isinstance(found, Failure):
        return found
    if list(found) == [PREDICTIONS] and len(outputs) == 1:
        found = {outputs[0].name: found[PREDICTIONS]}
    dtypes = {spec.name: DTYPES[spec.datatype] for spec in outputs if spec.datatype in DTYPES}
    return {name: _as(array, dtypes.get(name, array.dtype)) for name, array in found.items()}


def read_signature(body: bytes, signature_name: str) -> Signature | Failure | None:
    """Return a signature of the metadata by its name, None where its inputs are not told whole."""
    try:
        definitions = _decoder.decode(body).metadata.signature_def.signature_def
    except UNREADABLE as error:
        return malformed(error, body)
    if not definitions:
        return None
    found = definitions.get(signature_name)
    if found is None:
        message = f"signature_name: the model has no {signature_name!r}; it has {', '.join(definitions)}"
        return Failure(INVALID_ARGUMENT, message, "signature_name")
    inputs = _specs(found.inputs)
    return Signature(inputs, _specs(found.outputs)) if len(inputs) == len(found.inputs) > 0 else None


def _specs(infos: dict[str, _Info]) -> tuple[TensorSpec, ...]:
    specs = []
    for name, info in infos.items():
        shape = _sizes(info.tensor_shape)
        if info.dtype in _NAMES and shape:
            specs.append(TensorSpec(name, _NAMES[info.dtype], shape))
    return tuple(specs)


def _sizes(shape: _Shape) -> tuple[int, ...]:
    """Return the sizes, which are texts in this form; none where the rank or one of them is not known."""
    try:
        return () if shape.unknown_rank else tuple(int(dim.size) for dim in shape.dim)
    except ValueError:
        return ()


def _values(array: Array) -> Any:
    values = array.tolist()
    return _encoded(values) if array.dtype.hasobject else values


def _encoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_encoded(part) for part in value]
    return {"b64": binascii.b2a_base64(value, newline=False).decode()}


def _as(array: Array, dtype: Any) -> Array:
    return array if array.dtype.hasobject or dtype.hasobject else array.astype(dtype, copy=False)
