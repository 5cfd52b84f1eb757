"""From a version's description to a loaded, warm version."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item, Signature
from pointsman.core.validate import signature_faults
from pointsman.errors import FAILED_PRECONDITION, INTERNAL, Failure, LoadError
from pointsman.runtimes.artifact import imported, path_of, verified_sha256
from pointsman.runtimes.base import PASSING, Loaded, one_line
from pointsman.runtimes.example import read_example, signature_of, zeros
from pointsman.runtimes.framework import is_remote, target_of
from pointsman.runtimes.turn import turn
from pointsman.settings import Settings

PYTHON_SCHEME: Final = "python:"


class Artifact(NamedTuple):
    """A loaded version and the SHA-256 of its file ("" for a class)."""

    loaded: Loaded
    sha256: str


def load(spec: VersionSpec, settings: Settings, on_warming: Callable[[], None]) -> Artifact:
    """Return the version loaded and warm. Raises LoadError and nothing else.

    Blocks for as long as that takes. `on_warming` is called, on this thread, before the first pass.
    """
    try:
        return _load(spec, settings, on_warming)
    except LoadError:
        raise
    except (Exception, SystemExit) as error:
        message = one_line(f"loading raised {type(error).__name__}: {error}")
        raise LoadError(Failure(INTERNAL, message)) from error


def _load(spec: VersionSpec, settings: Settings, on_warming: Callable[[], None]) -> Artifact:
    target = target_of(spec.runtime)
    has_file = not (spec.uri.startswith(PYTHON_SCHEME) or is_remote(spec.runtime))
    path = path_of(spec.uri) if has_file else None
    sha256 = "" if path is None else verified_sha256(path, spec.sha256)
    framework = _framework(target)
    loaded: Loaded = framework(spec, settings)
    try:
        on_warming()
        _warm(loaded, spec)
    except BaseException:
        loaded.unload()
        raise
    return Artifact(loaded, sha256)


def _framework(target: str) -> Any:
    if target.partition(":")[0] in sys.modules:
        return imported(target, "runtime")
    with turn(target):
        return imported(target, "runtime")


def _warm(loaded: Loaded, spec: VersionSpec) -> None:
    if loaded.signature is not None:
        loaded.signature = _sound(loaded.signature)
    item = _example(loaded.signature, spec)
    if item is None:
        return
    result = loaded.warm(item, spec.max_batch)
    if isinstance(result, Failure):
        is_passing = is_remote(spec.runtime) and result.code in PASSING
        code = result.code if is_passing else FAILED_PRECONDITION
        raise LoadError(Failure(code, one_line(f"the warm-up failed: {result.message}")))
    if loaded.signature is None:
        loaded.signature = signature_of(item, result)
    elif not loaded.signature.outputs:
        loaded.signature = Signature(loaded.signature.inputs, signature_of(item, result).outputs)


def _sound(signature: Signature) -> Signature:
    """Return the signature that a model's code declares, its types as promised; raises LoadError.

    Requests are decoded by it and every status of the pod repeats it, so one that lies would break both.
    """
    try:
        sound = msgspec.convert(msgspec.to_builtins(signature), Signature)
    except msgspec.ValidationError as error:
        raise LoadError(Failure(FAILED_PRECONDITION, one_line(f"signature: {error}"), "signature")) from error
    fault = next(signature_faults("signature", sound), None)
    if fault is not None:
        raise LoadError(Failure(FAILED_PRECONDITION, one_line(fault.message), fault.field))
    return sound


def _example(signature: Signature | None, spec: VersionSpec) -> Item | None:
    if spec.example:
        return read_example(path_of(spec.example, "example"), signature)
    return None if signature is None else zeros(signature)
