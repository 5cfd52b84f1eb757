"""What a version does to its requests before the network, and to the network's answers after it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from pointsman.core.spec import Step, VersionSpec
from pointsman.core.tensor import Item, Signature, TensorSpec
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.artifact import imported, path_of, verified_sha256
from pointsman.runtimes.base import Fault, Loaded, broken
from pointsman.runtimes.batched import Forward
from pointsman.runtimes.declared import require_signature
from pointsman.runtimes.step_options import StepOptions
from pointsman.runtimes.tensor_model import TensorModel
from pointsman.runtimes.texts import encoded

Inputs: TypeAlias = tuple[TensorSpec, ...]


class Before(NamedTuple):
    """A step before a network: what it makes of a batch, what it takes, and a row of that for the warm-up.

    `inputs` is None where nobody said what it takes, `sample` where zeros will do.
    """

    call: Callable[[Item], Item]
    inputs: Inputs | None = None
    sample: Item | None = None


After: TypeAlias = Callable[[Item, Item], Item]
"""A step after a network: of its outputs and of what it was given, the outputs."""


class Builtin(NamedTuple):
    """Where a step is built, and the packages that it imports, by the extra of that name."""

    target: str
    needs: tuple[str, ...] = ()
    extra: str = ""


# Named, not imported, like the frameworks.
BEFORE: Final = {
    "text": Builtin("text_step:text", ("tokenizers",), "text"),
    "image": Builtin("image_step:image", ("PIL",), "image"),
    "rows": Builtin("placing:rows_in"),
    "constants": Builtin("placing:constants"),
}
AFTER: Final = {
    "pool": Builtin("finishing:pool"),
    "normalize": Builtin("finishing:normalize"),
    "softmax": Builtin("finishing:softmax"),
    "labels": Builtin("finishing:labels"),
    "rows": Builtin("placing:rows_out"),
}


def network_of(spec: VersionSpec) -> VersionSpec:
    """Return the description of a version's network alone; raises LoadError where it can have no steps."""
    if not spec.before and not spec.after:
        return spec
    if spec.runtime == "python":
        message = "before: a class of your own does its steps itself; `before` and `after` are for networks"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "before"))
    # What the description says of the version is what goes into its first step and comes out of its last.
    known = None if spec.before or spec.signature is None else Signature(spec.signature.inputs)
    return msgspec.structs.replace(spec, signature=known)


def with_steps(network: Loaded, spec: VersionSpec) -> Loaded:
    """Return a version whose passes go through its steps; raises LoadError."""
    if (not spec.before and not spec.after) or not isinstance(network, TensorModel):
        return network
    inputs = None if network.signature is None else network.signature.inputs
    before: list[Before] = []
    for number, step in reversed(list(enumerate(spec.before))):
        before.insert(0, _before(step, f"before.{number}", inputs))
        inputs = before[0].inputs
    after = [_after(step, f"after.{number}") for number, step in enumerate(spec.after)]
    signature = spec.signature
    if signature is None and inputs is not None:
        outputs = () if spec.after or network.signature is None else network.signature.outputs
        signature = Signature(inputs, outputs)
    require_signature(signature, msgspec.structs.replace(spec, before=()))
    calls = [step.call for step in before]
    sample = before[0].sample if before else None
    return network.within(partial(_Chain, calls, after), signature, sample)


class _Chain:
    """A pass: the steps before, the network, the steps after."""

    def __init__(
        self, before: Sequence[Callable[[Item], Item]], after: Sequence[After], network: Forward
    ) -> None:
        self._before = before
        self._network = network
        self._after = after

    def __call__(self, batch: Item) -> object:
        """Return what comes of a batch in the end."""
        given = batch
        for step in self._before:
            given = _arrays(step(given))
        outputs: Any = self._network(given)
        for finish in self._after:
            outputs = _arrays(finish(outputs, given))
        return outputs


def _arrays(item: object) -> Item:
    """Return what a step gave, text as bytes; raises Fault where it is no arrays by name."""
    if not isinstance(item, Mapping):
        raise Fault(broken(f"a step returned {type(item).__name__}, not arrays by name"))
    return {name: encoded(name, value) for name, value in item.items()}


def _before(step: Step, field: str, wanted: Inputs | None) -> Before:
    if ":" in step.use:
        return Before(_own(step, field))
    made: Before = _build(step, field, BEFORE)(_options(step, field), wanted)
    return made


def _after(step: Step, field: str) -> After:
    if ":" in step.use:
        return _own(step, field)
    made: After = _build(step, field, AFTER)(_options(step, field))
    return made


def _own(step: Step, field: str) -> Callable[..., Any]:
    file = {"file": str(_file(step, field))} if step.uri else {}
    made = imported(step.use, f"{field}.use")(**file, **step.options)
    if not callable(made):
        message = f"{field}.use: {step.use} returned {type(made).__name__}, which cannot be called"
        raise LoadError(Failure(FAILED_PRECONDITION, message, f"{field}.use"))
    return made  # type: ignore[no-any-return]


def _build(step: Step, field: str, there: Mapping[str, Builtin]) -> Any:
    found = there.get(step.use)
    if found is None:
        known = f"there are {', '.join(there)}, and package.module:name of your own"
        message = f"{field}.use: {step.use!r} is unknown; {known}"
        raise LoadError(Failure(INVALID_ARGUMENT, message, f"{field}.use"))
    missing = [name for name in found.needs if name not in sys.modules and not importlib.util.find_spec(name)]
    if missing:
        message = (
            f"{field}.use: the pod has no {', '.join(missing)}; pip install 'pointsman[{found.extra}]' there"
        )
        raise LoadError(Failure(FAILED_PRECONDITION, message, f"{field}.use"))
    return imported(f"{__package__}.{found.target}", f"{field}.use")


def _options(step: Step, field: str) -> StepOptions:
    return StepOptions(field, step.options, _file(step, field) if step.uri else None)


def _file(step: Step, field: str) -> Path:
    path = path_of(step.uri, f"{field}.uri")
    verified_sha256(path, step.sha256, f"{field}.sha256")
    return path
