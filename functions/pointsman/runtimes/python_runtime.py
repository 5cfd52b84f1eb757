"""Python models: the user's class, `forward(list) -> list`, in a process of its own for each version."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from pointsman.core.batching import cut
from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item, Signature
from pointsman.core.tensor import rows as rows_of
from pointsman.errors import DEADLINE_EXCEEDED, INVALID_ARGUMENT, UNAVAILABLE, Failure, LoadError
from pointsman.runtimes.base import Fault, Result, broken, one_line
from pointsman.runtimes.frames import Answer, Broken, Call, Cells, Start, pack, unpack
from pointsman.runtimes.isolate import isolated
from pointsman.runtimes.process import ModelProcess
from pointsman.settings import Settings

log = logging.getLogger(__name__)

_SCHEME: Final = "python:"


class PythonModel:
    """A class in a child process, which is replaced when it hangs or dies."""

    isolated = True

    def __init__(self, start: Start, settings: Settings) -> None:
        self._start = start
        self._threads = settings.threads
        self._timeout_s = settings.compute_timeout_ms / 1000
        self._child: ModelProcess | None = ModelProcess(start, settings.threads)
        self.signature: Signature | None = None
        self.footprint = 0

    def open(self) -> None:
        """Wait until the class is there; raises LoadError."""
        child = self._child
        if child is None:
            return
        try:
            self.signature = child.wait_until_ready(None)
        except (EOFError, OSError) as error:
            message = f"its process ended with {child.ending()} while it was loading"
            raise LoadError(broken(message)) from error
        self.footprint = child.resident_bytes()

    def infer(self, items: Sequence[Item], max_batch: int) -> list[Result]:
        """Return one result per item, in order. Lists given to `forward` hold at most `max_batch` rows."""
        parts = cut([rows_of(item) for item in items], max_batch)
        return [result for part in parts for result in isolated(self._attempt, items[part])]

    def warm(self, item: Item, max_batch: int) -> Result:
        """Run an example."""
        [result] = self.infer([item], max_batch)
        return result

    def unload(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _attempt(self, items: Sequence[Item]) -> list[Result]:
        child = self._running()
        try:
            child.channel.send(Call([pack(item) for item in items]), self._timeout_s)
            message = child.channel.receive(self._timeout_s)
        except TimeoutError:
            self._replace(child, "hung")
            raise Fault(Failure(DEADLINE_EXCEEDED, "the model did not return in time"), final=True) from None
        except (EOFError, OSError):
            self._replace(child, "died")
            reason = "the model's process died on this batch; it is being restarted"
            raise Fault(Failure(UNAVAILABLE, reason), final=True) from None
        if isinstance(message, Answer):
            return [_result(one, rows_of(item)) for one, item in zip(message.results, items, strict=True)]
        raise Fault(broken(message.message if isinstance(message, Broken) else "the process lost its place"))

    def _running(self) -> ModelProcess:
        """Return a child that may be called."""
        child = self._child
        if child is None:
            child = self._child = ModelProcess(self._start, self._threads)
        try:
            if not child.is_ready:
                child.wait_until_ready(self._timeout_s)
        except TimeoutError:
            raise Fault(Failure(UNAVAILABLE, "the model's process is still starting"), final=True) from None
        except (EOFError, OSError, LoadError) as error:
            child.kill()
            self._child = None  # the next batch tries again
            reason = f"the model's process does not start: {error}"
            raise Fault(Failure(UNAVAILABLE, one_line(reason)), final=True) from None
        return child

    def _replace(self, child: ModelProcess, what: str) -> None:
        child.kill()
        log.warning("the process of %s %s and is replaced", self._start.target, what)
        self._child = ModelProcess(self._start, self._threads)


def load(spec: VersionSpec, settings: Settings) -> PythonModel:
    """Return the class of a `python:package.module:Class` URI, built in its own process; raises LoadError."""
    target = spec.uri.removeprefix(_SCHEME)
    if not spec.uri.startswith(_SCHEME) or ":" not in target:
        message = f"uri: {spec.uri!r} is not python:package.module:Class"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "uri"))
    model = PythonModel(Start(target, spec.options), settings)
    try:
        model.open()
    except BaseException:
        model.unload()
        raise
    model.signature = spec.signature or model.signature
    return model


def _result(one: dict[str, Cells] | str, rows: int) -> Result:
    if isinstance(one, str):
        return broken(one)
    try:
        item = unpack(one)
    except (ValueError, KeyError) as error:
        return broken(f"the model's process sent a malformed array: {error}")
    for name, array in item.items():
        if len(array) != rows:
            return broken(f"the model returned {name!r} of shape {list(array.shape)} for {rows} rows")
    return item
