"""From a version's description to a loaded, warm version."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item, Signature
from pointsman.core.validate import signature_faults
from pointsman.errors import FAILED_PRECONDITION, INTERNAL, Failure, LoadError
from pointsman.runtimes.artifact import imported, path_of, verified_sha256
from pointsman.runtimes.base import PASSING, Loaded, one_line
from pointsman.runtimes.example import read_example, read_item, signature_of, zeros
from pointsman.runtimes.expectation import FRACTIONAL, difference
from pointsman.runtimes.framework import is_remote, target_of
from pointsman.runtimes.steps import network_of, with_steps
from pointsman.runtimes.tensor_model import TensorModel
from pointsman.runtimes.turn import turn
from pointsman.settings import Settings

PYTHON_SCHEME: Final = "python:"
HEAVY: Final = 64 * 1024**2  # bytes of a file that takes a core for a while


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
    framework = _framework(target)
    if path is None or path.stat().st_size < HEAVY:
        return _brought_in(framework, path, spec, settings, on_warming)
    with turn("load", settings.heavy_loads):
        return _brought_in(framework, path, spec, settings, on_warming)


def _brought_in(
    framework: Any, path: Path | None, spec: VersionSpec, settings: Settings, on_warming: Callable[[], None]
) -> Artifact:
    sha256 = "" if path is None else verified_sha256(path, spec.sha256)
    loaded: Loaded = with_steps(framework(network_of(spec), settings), spec)
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
    item = _example(loaded, spec)
    if item is None:
        return
    result = loaded.warm(item, spec.max_batch)
    if isinstance(result, Failure):
        is_passing = is_remote(spec.runtime) and result.code in PASSING
        code = result.code if is_passing else FAILED_PRECONDITION
        raise LoadError(Failure(code, one_line(f"the warm-up failed: {result.message}")))
    if spec.expect:
        _verify(result, spec)
    if loaded.signature is None:
        loaded.signature = signature_of(item, result)
    elif not loaded.signature.outputs:
        loaded.signature = Signature(loaded.signature.inputs, signature_of(item, result).outputs)


def _verify(result: Item, spec: VersionSpec) -> None:
    """Raise LoadError where the example's outputs are not what the version's author expects."""
    fractional = [tensor for tensor in signature_of({}, result).outputs if tensor.datatype in FRACTIONAL]
    expected = read_item(path_of(spec.expect, "expect"), fractional, "expect")
    fault = difference(expected, result, spec.tolerance)
    if fault:
        raise LoadError(Failure(FAILED_PRECONDITION, one_line(f"expect: {fault}"), "expect"))


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


def _example(loaded: Loaded, spec: VersionSpec) -> Item | None:
    if spec.example:
        return read_example(path_of(spec.example, "example"), loaded.signature)
    sample = loaded.sample if isinstance(loaded, TensorModel) else None
    return sample if sample is not None or loaded.signature is None else zeros(loaded.signature)
