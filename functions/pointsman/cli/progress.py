"""Shows how a stack comes up."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.status import Status

from pointsman.cli.output import Output
from pointsman.localstack.record import StackRecord

_DOES = {
    "kafka": "broker",
    "engine": "Flink job",
    "redis": "Redis",
    "router": "router",
}


class Progress:
    """A line for each process that is ready, and a spinner that names the others."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._shown: set[str] = set()
        self._status = Status("starting", console=out.console)

    def __enter__(self) -> Self:
        if not self._out.as_json:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def show(self, record: StackRecord) -> None:
        """Print what is new in the record."""
        for name, child in record.children.items():
            if child.state == "ready" and child.seconds and name not in self._shown:
                self._shown.add(name)
                what = _DOES.get(name, name.replace("-", " "))
                self._out.say(f"{what:<14} ready after {child.seconds:4.1f} s on port {child.port}")
        waiting = [name for name, child in record.children.items() if child.state != "ready"]
        self._status.update(f"waiting for {', '.join(waiting) or 'the first answer'}")
