"""What a version's description says, as far as a runtime has use for it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.artifact import path_of
from pointsman.runtimes.base import DEFAULT_INPUT
from pointsman.runtimes.framework import FRAMEWORKS


def file_of(spec: VersionSpec) -> Path:
    """Return the version's file, which is of a kind that its runtime loads; raises LoadError."""
    path = path_of(spec.uri)
    suffixes = FRAMEWORKS[spec.runtime].suffixes
    if path.suffix not in suffixes:
        message = f"uri: {spec.runtime} loads {', '.join(suffixes)}, not {path.name!r}"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "uri"))
    return path


def check_options(spec: VersionSpec, known: Collection[str] = ()) -> None:
    """Raise LoadError where the version has an option that its runtime does not know."""
    unknown = sorted(set(spec.options) - set(known))
    if unknown:
        there = f"there are {', '.join(known)}" if known else f"{spec.runtime} has none"
        message = f"options: {', '.join(unknown)}: unknown; {there}"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "options"))


def rows_of(features: int, datatype: str) -> Signature:
    """Return the signature of a model that takes rows of so many numbers."""
    return Signature((TensorSpec(DEFAULT_INPUT, datatype, (-1, features)),))


def require_signature(signature: Signature | None, spec: VersionSpec) -> None:
    """Raise LoadError where nothing says what the version takes."""
    if signature is None and not spec.example and not spec.before:
        message = "signature: give the version a `signature`, or an `example` to read it from"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "signature"))
