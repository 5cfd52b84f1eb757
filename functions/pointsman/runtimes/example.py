"""The first input of a version: written by its author, or zeros of the right shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import msgspec
import numpy as np

from pointsman.core.tensor import DATATYPES, DTYPES, Array, Item, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.base import DEFAULT_INPUT, one_line


def read_example(path: Path, signature: Signature | None) -> Item:
    """Return the item in a file: `.npy` (the only input), `.npz`, or `.json` ({name: nested list}).

    Arrays hold rows. Where the signature knows an input, JSON numbers take its datatype; otherwise
    fractions are FP32 and whole numbers INT64. Raises LoadError.
    """
    return read_item(path, () if signature is None else signature.inputs, "example")


def read_item(path: Path, tensors: Sequence[TensorSpec], field: str) -> Item:
    """Return the item in the file that a version's `field` names; of what is known of it, its `tensors`.

    Raises LoadError.
    """
    try:
        return _read(path, {tensor.name: tensor for tensor in tensors})
    except (OSError, ValueError, TypeError, BadZipFile, msgspec.MsgspecError) as error:
        message = one_line(f"{field}: {path} cannot be read: {error}")
        raise LoadError(Failure(INVALID_ARGUMENT, message, field)) from error


def zeros(signature: Signature) -> Item:
    """Return one row of zeros (empty strings for BYTES), with every free size 1."""
    return {tensor.name: _zeros(tensor) for tensor in signature.inputs}


def signature_of(inputs: Item, outputs: Item) -> Signature:
    """Return the signature that an example and its result suggest: any number of rows, all else fixed."""
    return Signature(_specs(inputs), _specs(outputs))


def _read(path: Path, wanted: dict[str, TensorSpec]) -> Item:
    if path.suffix == ".npy":
        name = next(iter(wanted), DEFAULT_INPUT)
        return {name: np.load(path, allow_pickle=False)}
    if path.suffix == ".npz":
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    if path.suffix == ".json":
        tree = msgspec.json.decode(path.read_bytes(), type=dict[str, list[Any]])
        return {name: _array(rows, wanted.get(name)) for name, rows in tree.items()}
    raise ValueError("its name must end in .npy, .npz or .json")


def _array(rows: list[Any], spec: TensorSpec | None) -> Array:
    guess = np.asarray(rows)
    if guess.dtype.kind in "US":
        texts: Array = np.empty(guess.size, dtype=object)
        texts[:] = [text.encode() for text in guess.ravel().tolist()]
        return texts.reshape(guess.shape)
    if spec is not None:
        return guess.astype(DTYPES[spec.datatype])
    return guess.astype(np.float32) if guess.dtype.kind == "f" else guess


def _zeros(tensor: TensorSpec) -> Array:
    shape = tuple(1 if size == -1 else size for size in tensor.shape)
    dtype = DTYPES[tensor.datatype]
    return np.full(shape, b"", dtype=object) if dtype.hasobject else np.zeros(shape, dtype)


def _specs(item: Item) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name, DATATYPES.get(array.dtype, "BYTES"), (-1, *array.shape[1:]))
        for name, array in item.items()
    )
