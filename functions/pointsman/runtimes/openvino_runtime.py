"""OpenVINO: a `.onnx` file, or its own `.xml` with the weights in a `.bin`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openvino

from pointsman.core.files import WEIGHTS, WEIGHTS_SHA256
from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import DATATYPES, Item, Signature, TensorSpec
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, Failure, LoadError
from pointsman.runtimes.artifact import path_of, verified_sha256
from pointsman.runtimes.declared import check_options, file_of
from pointsman.runtimes.onnx_file import check_whole
from pointsman.runtimes.placing import Places, places_of
from pointsman.runtimes.tensor_model import TensorModel
from pointsman.settings import Settings


class OpenVinoNetwork:
    """A compiled model, and the outputs that are asked of it."""

    def __init__(self, model: openvino.CompiledModel, outputs: Sequence[str]) -> None:
        self._request = model.create_infer_request()
        self._outputs = outputs

    def forward(self, batch: Item) -> Item:
        """Return the outputs for a batch."""
        values = self._request.infer(batch)
        return {name: values[name] for name in self._outputs}


def load(spec: VersionSpec, settings: Settings) -> TensorModel:
    """Return the version loaded; raises LoadError, or what openvino raises."""
    path = file_of(spec)
    core = openvino.Core()
    model, size = _read(core, path, spec)
    places = places_of(spec)
    signature = spec.signature or Signature(
        tuple(_tensor_spec(port, "input", places) for port in model.inputs),
        tuple(_tensor_spec(port, "output", places) for port in model.outputs),
    )
    outputs = [one.name for one in signature.outputs] or [port.get_any_name() for port in model.outputs]
    threads = {"INFERENCE_NUM_THREADS": settings.threads, "NUM_STREAMS": 1}
    network = OpenVinoNetwork(core.compile_model(model, "CPU", threads), outputs)
    return TensorModel(network.forward, signature, size, _most_rows(model.inputs, places))


def _read(core: openvino.Core, path: Path, spec: VersionSpec) -> tuple[openvino.Model, int]:
    """Return the model and the bytes of its files."""
    if path.suffix == ".onnx":
        check_options(spec)
        check_whole(path)
        return core.read_model(path), path.stat().st_size
    check_options(spec, (WEIGHTS, WEIGHTS_SHA256))
    weights = _weights_of(path, spec.options.get(WEIGHTS, ""))
    verified_sha256(weights, spec.options.get(WEIGHTS_SHA256, ""), f"options.{WEIGHTS_SHA256}")
    return core.read_model(path, weights), path.stat().st_size + weights.stat().st_size


def _weights_of(path: Path, uri: str) -> Path:
    """Return the file of a URI, or the one beside the model; raises LoadError."""
    field, beside = f"options.{WEIGHTS}", path.with_suffix(".bin")
    if not uri and not beside.is_file():
        message = f"{field}: {beside.name} is not beside the model; give its URI, and {WEIGHTS_SHA256}"
        raise LoadError(Failure(NOT_FOUND, message, field))
    return path_of(uri, field) if uri else beside


def _tensor_spec(port: Any, kind: str, places: Places) -> TensorSpec:
    name = port.get_any_name()
    datatype = DATATYPES.get(port.element_type.to_dtype())
    if datatype is None:
        message = f"signature: {kind} {name!r} is {port.element_type.get_type_name()}, which cannot travel"
        raise LoadError(Failure(FAILED_PRECONDITION, message, "signature"))
    shape, place = _sizes(port), places.get(name, 0)
    if place is not None and place >= len(shape):
        message = f"signature: {kind} {name!r} has no dimension {place} to hold rows; give a `signature`"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "signature"))
    if place is not None:
        shape[place] = -1
    return TensorSpec(name, datatype, tuple(shape))


def _sizes(port: Any) -> list[int]:
    if port.partial_shape.rank.is_dynamic:
        return []
    return [size.get_length() if size.is_static else -1 for size in port.partial_shape]


def _most_rows(inputs: Sequence[Any], places: Places) -> int:
    """Return how many rows a pass takes: one where the model was made for one; raises LoadError."""
    at = [(_sizes(port), places.get(port.get_any_name(), 0)) for port in inputs]
    fixed = {shape[place] for shape, place in at if place is not None and place < len(shape)} - {-1}
    if fixed - {1}:
        message = f"uri: the model takes {max(fixed)} rows and no others; convert it for any number or for 1"
        raise LoadError(Failure(FAILED_PRECONDITION, message, "uri"))
    return 1 if fixed else sys.maxsize
