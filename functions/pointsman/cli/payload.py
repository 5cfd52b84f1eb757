"""What `send` and `infer` read: JSON, .npy, .npz or an image, made to fit the model's signature."""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import msgspec
import numpy as np

from pointsman.client.prediction import DEFAULT_INPUT, Inputs
from pointsman.core.table import RouteTable
from pointsman.core.tensor import DTYPES, Array, Signature, TensorSpec
from pointsman.errors import SettingsError

STDIN: Final = "-"
IMAGES: Final = (".png", ".jpg", ".jpeg")
_NPY: Final = b"\x93NUMPY"


def signature_of(table: RouteTable, version: str) -> Signature | None:
    """Return the signature of a version, or of any that has one: those of a model are alike."""
    entries = [table.versions[version]] if version in table.versions else list(table.versions.values())
    return next((entry.spec.signature for entry in entries if entry.spec.signature), None)


def read(file: str, text: str, signature: Signature | None, brightest: float) -> Inputs:
    """Return the inputs that a file or a JSON text holds.

    Arrays take name and dtype of the signature's first input, and a batch dimension where they lack it.
    An image becomes grey or coloured pixels from 0 to `brightest` in the input's shape. Raises
    SettingsError naming the file and what is wrong with it.
    """
    if text:
        return _json("--body", text.encode())
    data = _bytes(file)
    suffix = Path(file).suffix.lower()
    if suffix in IMAGES:
        return _image(file, data, signature, brightest)
    if suffix == ".npz" or data[:6] == _NPY:
        return _arrays(file, data, signature)
    return _json(file, data)


def _bytes(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error


def _json(source: str, data: bytes) -> Inputs:
    try:
        body: dict[str, Any] | list[Any] = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise SettingsError(f"{source} is not JSON: {error}") from error
    return {"instances": body} if isinstance(body, list) else body


def _arrays(file: str, data: bytes, signature: Signature | None) -> dict[str, Array]:
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        # The parts of an .npz are read when they are asked for.
        found = loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except (OSError, EOFError, ValueError, BadZipFile) as error:
        raise SettingsError(f"{file} is no array file: {error}") from error
    if isinstance(found, np.ndarray):
        spec = signature.inputs[0] if signature else None
        return {spec.name if spec else DEFAULT_INPUT: _fitted(found, spec)}
    specs = {spec.name: spec for spec in signature.inputs} if signature else {}
    return {name: _fitted(array, specs.get(name)) for name, array in found.items()}


def _fitted(array: Array, spec: TensorSpec | None) -> Array:
    if spec is None:
        return array
    dtype = DTYPES[spec.datatype]
    if not dtype.hasobject and array.dtype != dtype:
        array = array.astype(dtype)
    return array[np.newaxis] if array.ndim == len(spec.shape) - 1 else array


def _image(file: str, data: bytes, signature: Signature | None, brightest: float) -> dict[str, Array]:
    if signature is None:
        raise SettingsError(f"{file}: the model's input is unknown; wait until a version is ready")
    spec = signature.inputs[0]
    if spec.datatype == "BYTES":
        element = np.empty((1,) * len(spec.shape), dtype=object)
        element[...] = data
        return {spec.name: element}
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise SettingsError("images need Pillow: pip install pillow") from None
    height, width, channels, channels_first = _frame(file, spec.shape)
    try:
        image = Image.open(io.BytesIO(data)).convert("RGB" if channels == 3 else "L").resize((width, height))
    except (UnidentifiedImageError, OSError) as error:
        raise SettingsError(f"{file} is no image: {error}") from error
    pixels = np.asarray(image, np.float64) * (brightest / 255.0)
    if channels_first:
        pixels = np.moveaxis(pixels, -1, 0)
    shape = tuple(max(size, 1) for size in spec.shape)
    return {spec.name: pixels.astype(DTYPES[spec.datatype]).reshape(shape)}


def _frame(file: str, shape: tuple[int, ...]) -> tuple[int, int, int, bool]:
    """Return height, width, channels and whether the channels come first, from an input's shape."""
    sizes = shape[1:]
    match sizes:
        case (flat,) if flat > 0 and math.isqrt(flat) ** 2 == flat:
            return math.isqrt(flat), math.isqrt(flat), 1, False
        case (height, width) if min(sizes) > 0:
            return height, width, 1, False
        case (1 | 3 as channels, height, width) if min(sizes) > 0:
            return height, width, channels, channels == 3
        case (height, width, 1 | 3 as channels) if min(sizes) > 0:
            return height, width, channels, False
        case _:
            raise SettingsError(f"{file}: an image does not fit an input of shape {list(shape)}")
