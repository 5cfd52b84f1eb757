"""A version in a process of its own, replaced when a request ends it or does not return, or when it grows."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item, Signature
from pointsman.core.tensor import rows as rows_of
from pointsman.errors import FAILED_PRECONDITION, UNAVAILABLE, Failure, LoadError
from pointsman.runtimes.base import Fault, Result, broken, one_line
from pointsman.runtimes.bounds import Bounds, Overgrown, bounds_of, mib
from pointsman.runtimes.frames import Answer, Broken, Call, Cells, Load, Ready, Refusal, Start, pack, unpack
from pointsman.runtimes.isolate import isolated
from pointsman.runtimes.loader import Artifact
from pointsman.runtimes.process import Begin, ModelProcess, Nursery
from pointsman.runtimes.trial import Ended, Trial, Unready
from pointsman.settings import Settings

log = logging.getLogger(__name__)

# A process that a leak brings over its memory ends its pass and is then replaced; one that has so many times
# its memory in a pass owes it to a request, and is ended at once.
IN_A_PASS: Final = 1.25
_READY_S: Final = 5.0  # a new process may load for longer than a pass may take


class Confined:
    """A version that computes in another process: a request that ends it is convicted, the rest answered."""

    isolated = True

    def __init__(
        self,
        name: str,
        first: Start | Load,
        begin: Begin,
        bounds: Bounds,
        on_ending: Callable[[], None] = lambda: None,
    ) -> None:
        """Start the process. `on_ending` is called after each pass that ended it, on the caller's thread."""
        self._name = name
        self._first = first
        self._begin = begin
        self._bounds = bounds
        self._on_ending = on_ending
        self._trial = Trial()
        self._child: ModelProcess | None = self._born()
        self._renewals = 0
        self.signature: Signature | None = None
        self.sha256 = ""
        self.footprint = 0

    def open(self) -> None:
        """Wait until the version is there; raises LoadError."""
        child = self._child
        if child is None:
            return
        try:
            ready = child.wait_until_ready(None)
        except (EOFError, OSError) as error:
            message = f"its process ended with {child.end()} while it was loading"
            raise LoadError(broken(message)) from error
        self._introduced(ready, child)
        if self._is_overgrown(child):
            told = f"{mib(child.own_bytes())} of the {mib(self._bounds.memory)} that it may have"
            message = f"memory: once loaded it has {told}; raise it"
            raise LoadError(Failure(FAILED_PRECONDITION, message, "memory"))

    def infer(self, items: Sequence[Item], max_batch: int) -> list[Result]:
        """Return one result per item, in order. Passes hold at most `max_batch` rows, or one item."""
        attempt = partial(self._attempt, max_batch)
        return self._trial.run(partial(isolated, attempt), items, max_batch)

    def warm(self, item: Item, max_batch: int) -> Result:
        """Run an example."""
        [result] = self.infer([item], max_batch)
        return result

    def unload(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _introduced(self, ready: Ready, child: ModelProcess) -> None:
        self.signature = self.signature or ready.signature
        self.sha256 = ready.sha256
        self.footprint = ready.footprint or child.resident_bytes()

    def _attempt(self, max_batch: int, items: Sequence[Item]) -> list[Result]:
        child = self._running()
        try:
            child.channel.send(Call([pack(item) for item in items], max_batch), self._bounds.timeout_s)
            watch = partial(self._watch, child) if self._bounds.memory else None
            message = child.channel.receive(self._bounds.timeout_s, watch)
        except TimeoutError:
            raise self._ended(child, has_hung=True) from None
        except Overgrown as grown:
            raise self._ended(child, str(grown)) from None
        except (EOFError, OSError):
            raise self._ended(child) from None
        if self._is_overgrown(child):
            self._renew(child)
        if isinstance(message, Answer):
            return [_result(one, rows_of(item)) for one, item in zip(message.results, items, strict=True)]
        raise Fault(broken(message.message if isinstance(message, Broken) else "the process lost its place"))

    def _running(self) -> ModelProcess:
        """Return a child that may be called."""
        child = self._child
        try:
            if child is None:
                child = self._child = self._born()
            if not child.is_ready:
                child.wait_until_ready(max(self._bounds.timeout_s, _READY_S))
        except TimeoutError:
            raise Unready from None
        except LoadError as error:
            self.unload()  # the next batch tries again
            reason = one_line(f"the model's process does not start: {error}")
            raise Fault(Failure(UNAVAILABLE, reason), final=True) from None
        except (EOFError, OSError) as error:
            log.warning("the process of %s does not start: %s", self._name, error)
            self.unload()
            raise Unready from None
        return child

    def _is_overgrown(self, child: ModelProcess, times: float = 1.0) -> bool:
        return 0 < self._bounds.memory * times < child.own_bytes()

    def _watch(self, child: ModelProcess) -> None:
        if self._is_overgrown(child, IN_A_PASS):
            raise Overgrown(f"more memory than {mib(self._bounds.memory)}")

    def _renew(self, child: ModelProcess) -> None:
        """Replace a child that has grown over many passes; nobody is to blame."""
        self._renewals += 1
        told = (self._name, mib(child.own_bytes()), mib(self._bounds.memory), self._renewals)
        log.warning("the process of %s has %s of %s and is replaced, time %d", *told)
        self._replace(child)

    def _ended(self, child: ModelProcess, why: str = "", *, has_hung: bool = False) -> Ended:
        """Replace a child that ended in a pass, or must be ended, and return how it was."""
        how = self._replace(child)
        why = "" if has_hung else why or how
        log.warning("the process of %s %s and is replaced", self._name, f"died: {why}" if why else "hung")
        self._on_ending()
        return Ended(why)

    def _replace(self, child: ModelProcess) -> str:
        how = child.end()
        self._child = None
        with contextlib.suppress(OSError):  # the next pass tries again
            self._child = self._born()
        return how

    def _born(self) -> ModelProcess:
        return ModelProcess(self._first, self._begin)


def confine(
    spec: VersionSpec,
    settings: Settings,
    on_warming: Callable[[], None],
    *,
    name: str,
    nursery: Nursery,
    on_ending: Callable[[], None],
) -> Artifact:
    """Return a version loaded and warm in a process of its own; raises LoadError and nothing else."""
    begin, bounds = nursery.forked(spec.runtime), bounds_of(spec, settings)
    try:
        model = Confined(name, Load(spec, settings), begin, bounds, on_ending)
    except OSError as error:
        raise LoadError(broken(f"no process for it: {error}")) from error
    try:
        on_warming()
        model.open()
    except BaseException:
        model.unload()
        raise
    return Artifact(model, model.sha256)


def _result(one: dict[str, Cells] | Refusal, rows: int) -> Result:
    if isinstance(one, Refusal):
        return Failure(one.code, one.message, one.field)
    try:
        item = unpack(one)
    except (ValueError, KeyError) as error:
        return broken(f"the model's process sent a malformed array: {error}")
    for name, array in item.items():
        if len(array) != rows:
            return broken(f"the model returned {name!r} of shape {list(array.shape)} for {rows} rows")
    return item
