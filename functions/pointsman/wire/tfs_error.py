"""Failures in the words of TensorFlow Serving, and the body that says them."""

from __future__ import annotations

from typing import Final

from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, Failure
from pointsman.wire.tfs import TfsRequest
from pointsman.wire.tfs_path import TfsPath

_LONGEST_NAME: Final = 100


def not_found(path: TfsPath) -> Failure:
    """Return that the plane has no such model, version or label."""
    model = _shown(path.model)
    if path.label:
        return Failure(
            INVALID_ARGUMENT, f"Unrecognized servable version label: {_shown(path.label)}", "label"
        )
    if path.version:
        named = f"Specific({model}, {_shown(path.version)})"
        return Failure(NOT_FOUND, f"Servable not found for request: {named}", "version")
    return Failure(NOT_FOUND, f"Servable not found for request: Latest({model})", "model")


def no_status(path: TfsPath) -> Failure:
    """Return that there is no such model or version to tell of."""
    model = _shown(path.model)
    if path.version:
        message = f"Could not find version {_shown(path.version)} of model {model}"
        return Failure(NOT_FOUND, message, "version")
    return Failure(NOT_FOUND, f"Could not find any versions of model {model}", "model")


def as_called(failure: Failure, path: TfsPath, request: TfsRequest | None = None) -> Failure:
    """Return the plane's failure as this interface says it: its words, and the caller's name of the field."""
    if failure.code == NOT_FOUND and failure.field in ("model", "version", "label"):
        return not_found(path)
    if request is None or failure.field.split(".")[0] != request.form or request.key == request.form:
        return failure
    field = request.key + failure.field.removeprefix(request.form)
    message = failure.message
    if message.startswith(failure.field):
        message = field + message.removeprefix(failure.field)
    return Failure(failure.code, message, field)


def _shown(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
