"""What the Open Inference Protocol says about models, read off their route tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from pointsman.core.table import RouteTable, VersionEntry, VersionState, entry_of, is_serving
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import NOT_FOUND, Failure
from pointsman.wire.elements import quoted
from pointsman.wire.malformed import UNREADABLE, malformed

SERVER: Final = "pointsman"

# The state of a version in a repository's index, and what it says where the version gives no reason.
_STATES: Final = {
    VersionState.REGISTERED: ("UNKNOWN", "no pod has taken it up yet"),
    VersionState.LOADING: ("LOADING", ""),
    VersionState.WARMING: ("LOADING", "warming up"),
    VersionState.READY: ("READY", ""),
    VersionState.DRAINING: ("UNLOADING", ""),
    VersionState.RETIRED: ("UNAVAILABLE", "unloaded"),
    VersionState.UNREACHABLE: ("UNAVAILABLE", "its pods fell silent"),
    VersionState.FAILED: ("UNAVAILABLE", ""),
}
_UNSIGNED: Final = Signature(())


class _Index(msgspec.Struct):
    ready: bool = False


_index = msgspec.json.Decoder(_Index)
_encoder = msgspec.json.Encoder()


def server_metadata(version: str, extensions: Sequence[str]) -> bytes:
    """Return the body that names the server, its release and the extensions it has."""
    return _encoder.encode({"name": SERVER, "version": version, "extensions": extensions})


def model_metadata(table: RouteTable, version: str = "") -> bytes | Failure:
    """Return the metadata of a version, or of a model: as of the version that most of its requests get.

    `versions` are the ready ones; of one version it is that one, ready or not. A version that declares no
    signature and has not been loaded has no inputs and outputs yet.
    """
    entry = entry_of(table, version)
    if entry is None:
        return unknown_model(table.model, version)
    signature = entry.spec.signature or _UNSIGNED
    body = {
        "name": table.model,
        "versions": versions_told(table, version),
        "platform": entry.spec.runtime,
        "inputs": signature.inputs,
        "outputs": signature.outputs,
    }
    return _encoder.encode(body)


def versions_told(table: RouteTable, version: str) -> list[str]:
    """Return the versions that metadata name: the one that is asked about, else those that are ready."""
    return [version] if version else [name for name, known in table.versions.items() if is_serving(known)]


def model_config(table: RouteTable, version: str = "") -> bytes | Failure:
    """Return the configuration of a version or a model in the form of Triton's; see `model_metadata`.

    Its `dims` leave the batch dimension out, and its datatypes are TYPE_FP32 and so on.
    """
    entry = entry_of(table, version)
    if entry is None:
        return unknown_model(table.model, version)
    signature = entry.spec.signature or _UNSIGNED
    body = {
        "name": table.model,
        "platform": entry.spec.runtime,
        "backend": entry.spec.runtime,
        "max_batch_size": entry.spec.max_batch,
        "input": [_configured(spec) for spec in signature.inputs],
        "output": [_configured(spec) for spec in signature.outputs],
        "dynamic_batching": {},
    }
    return _encoder.encode(body)


def unknown_model(model: str, version: str = "") -> Failure:
    """Return the failure of a model or version that nobody registered, in Triton's words."""
    which = f"{quoted(model)!r}" + (f" version {quoted(version)}" if version else "")
    field = "version" if version else "model"
    return Failure(NOT_FOUND, f"Request for unknown model: {which} is not found", field)


def read_index(body: bytes) -> bool | Failure:
    """Return whether the index is to name ready versions alone; an empty body asks for all."""
    try:
        return _index.decode(body).ready if body else False
    except UNREADABLE as error:
        return malformed(error, body)


def repository_index(tables: Iterable[RouteTable], ready_only: bool) -> bytes:
    """Return the index: each version of each model with its state, and why it has it."""
    entries = [
        index_entry(table.model, entry)
        for table in tables
        for entry in table.versions.values()
        if is_serving(entry) or not ready_only
    ]
    return _encoder.encode(entries)


def _configured(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "data_type": data_type(spec), "dims": spec.shape[1:]}


def data_type(spec: TensorSpec) -> str:
    """Return the datatype in the words of a configuration."""
    return "TYPE_STRING" if spec.datatype == "BYTES" else f"TYPE_{spec.datatype}"


def index_entry(model: str, entry: VersionEntry) -> dict[str, str]:
    """Return what the index says of a version: its name, state and why it has that."""
    state, reason = _STATES[entry.state]
    reason = entry.reason or reason
    if entry.state is VersionState.FAILED:
        reason = f"failed to load: {reason}"
    return {"name": model, "version": entry.version, "state": state, "reason": reason}
