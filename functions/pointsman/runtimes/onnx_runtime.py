"""ONNX Runtime: one `.onnx` file, all its weights inside of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import onnxruntime

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item, Signature, TensorSpec
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.declared import check_options, file_of
from pointsman.runtimes.onnx_file import check_whole
from pointsman.runtimes.placing import Places, places_of
from pointsman.runtimes.tensor_model import TensorModel
from pointsman.runtimes.texts import decoded, encoded
from pointsman.settings import Settings

_ERRORS_ONLY: Final = 3  # of onnxruntime's levels of its log
_DATATYPES: Final = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}


class OnnxNetwork:
    """A session, and the outputs that are asked of it."""

    def __init__(self, session: onnxruntime.InferenceSession, outputs: Sequence[str]) -> None:
        self._session = session
        self._outputs = list(outputs)

    def forward(self, batch: Item) -> Item:
        """Return the outputs for a batch."""
        feeds = {name: decoded(name, array) for name, array in batch.items()}
        values = self._session.run(self._outputs, feeds)
        return {name: encoded(name, value) for name, value in zip(self._outputs, values, strict=True)}


def load(spec: VersionSpec, settings: Settings) -> TensorModel:
    """Return the version loaded; raises LoadError, or what onnxruntime raises."""
    check_options(spec)
    path = file_of(spec)
    check_whole(path)
    session = _session(path, settings.threads)
    given, places = session.get_inputs(), places_of(spec)
    signature = spec.signature or _signature(given, session.get_outputs(), places)
    outputs = [output.name for output in signature.outputs or session.get_outputs()]
    network = OnnxNetwork(session, outputs)
    return TensorModel(network.forward, signature, path.stat().st_size, _most_rows(given, places))


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Threads that spin for work take the cores from everybody else's.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _signature(inputs: Iterable[Any], outputs: Iterable[Any], places: Places) -> Signature:
    return Signature(
        tuple(_tensor_spec(node, "input", places) for node in inputs),
        tuple(_tensor_spec(node, "output", places) for node in outputs),
    )


def _tensor_spec(node: Any, kind: str, places: Places) -> TensorSpec:
    datatype = _DATATYPES.get(node.type)
    if datatype is None:
        message = (
            f"signature: {kind} {node.name!r} is {node.type}, which cannot travel; export the model without "
            "it (skl2onnx: zipmap=False), or give a `signature` that leaves it out"
        )
        raise LoadError(Failure(FAILED_PRECONDITION, message, "signature"))
    shape = [size if isinstance(size, int) else -1 for size in node.shape]
    place = places.get(node.name, 0)
    if place is not None:
        if place >= len(shape):
            raise LoadError(Failure(INVALID_ARGUMENT, _without_rows(kind, node.name, place), "signature"))
        shape[place] = -1
    return TensorSpec(node.name, datatype, tuple(shape))


def _without_rows(kind: str, name: str, place: int) -> str:
    where = "first dimension" if place == 0 else f"dimension {place}"
    remedy = "give a `signature`, or the value of all passes by the step `constants`"
    return f"signature: {kind} {name!r} has no {where} to hold rows; {remedy}"


def _most_rows(inputs: Iterable[Any], places: Places) -> int:
    """Return how many rows a pass takes: one where the model was exported for one; raises LoadError."""
    sizes = [(node.shape, places.get(node.name, 0)) for node in inputs]
    rows = {shape[at] for shape, at in sizes if at is not None and at < len(shape)}
    fixed = {size for size in rows if isinstance(size, int)}
    if fixed - {1}:
        message = f"uri: the model takes {max(fixed)} rows and no others; export it for any number or for 1"
        raise LoadError(Failure(FAILED_PRECONDITION, message, "uri"))
    return 1 if fixed else sys.maxsize
