"""What a server says of itself and of its models."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import ClientError
from pointsman.wire.malformed import UNREADABLE


class Health(msgspec.Struct, frozen=True):
    """`live`: it answers. `ready`: it can have requests answered."""

    live: bool = False
    ready: bool = False


class ModelVersion(msgspec.Struct, frozen=True):
    """A version in the repository's index. `state` is READY, LOADING, UNLOADING, UNAVAILABLE or UNKNOWN."""

    name: str
    version: str = ""
    state: str = ""
    reason: str = ""


class Metadata(msgspec.Struct, frozen=True):
    """A model: its ready versions, its runtime, and the tensors it takes and gives."""

    name: str
    versions: tuple[str, ...]
    platform: str
    signature: Signature


class _Tensor(msgspec.Struct):
    name: str
    datatype: str
    shape: tuple[int, ...]


class _Metadata(msgspec.Struct):
    name: str
    versions: tuple[str, ...] = ()
    platform: str = ""
    inputs: tuple[_Tensor, ...] = ()
    outputs: tuple[_Tensor, ...] = ()


_models = msgspec.json.Decoder(list[ModelVersion])
_metadata = msgspec.json.Decoder(_Metadata)


def models_from(body: bytes) -> list[ModelVersion]:
    """Return the repository's index. Raises ClientError where the body is none."""
    index: list[ModelVersion] = _decoded(_models, body)
    return index


def metadata_from(body: bytes) -> Metadata:
    """Return a model's metadata. Raises ClientError where the body is none."""
    said: _Metadata = _decoded(_metadata, body)
    signature = Signature(_specs(said.inputs), _specs(said.outputs))
    return Metadata(said.name, said.versions, said.platform, signature)


def _specs(tensors: tuple[_Tensor, ...]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(tensor.name, tensor.datatype, tensor.shape) for tensor in tensors)


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        raise ClientError(f"the answer cannot be read: {str(error)[:200]}") from error
