"""What all doors share: the plane behind them, the tables they describe, who may pass, and the counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from pointsman.core.table import RouteTable, VersionEntry, effective_split
from pointsman.errors import Failure
from pointsman.gateway.call import Call, Plane
from pointsman.gateway.grpc.caller import Admit, Caller, admit_all
from pointsman.gateway.grpc.control import Control, no_control
from pointsman.gateway.grpc.refusal import failure_of
from pointsman.gateway.grpc.statistics import Statistics
from pointsman.pb.v1 import inference_pb2 as pb


class Door(msgspec.Struct, kw_only=True):
    """`catalogue` holds the newest table of each model; `now_ns` is the time of day."""

    plane: Plane
    catalogue: Mapping[str, RouteTable]
    admit: Admit = admit_all
    control: Control = no_control
    window: int = 64
    clock: Callable[[], int] = time.monotonic_ns
    now_ns: Callable[[], int] = time.time_ns
    statistics: Statistics = msgspec.field(default_factory=Statistics)
    is_ready: bool = True

    async def ask(self, call: Call, caller: Caller) -> pb.InferenceResponse | Failure:
        """Return the answer with outputs, or why there is none."""
        key = self.admit(caller.metadata, call.model)
        if isinstance(key, Failure):
            return key
        began = self.clock()
        response = await self.plane.infer(msgspec.structs.replace(call, key=key))
        failure = failure_of(response)
        caller.tell(response)
        table = self.catalogue.get(call.model)
        if (
            table is not None and response.version in table.versions
        ):  # of other names there are endlessly many
            self.statistics.record(call, response, self.clock() - began, self.now_ns())
        return response if failure is None else failure

    async def command(
        self, kind: str, what: Mapping[str, Any], caller: Caller, models: Iterable[str]
    ) -> Failure | None:
        """Do the command if the caller may have it done to all of these models; return why not."""
        keys = [self.admit(caller.metadata, model) for model in models]
        key = next((key for key in keys if isinstance(key, Failure)), keys[0] if keys else "")
        if isinstance(key, Failure):
            return key
        return (await self.control({kind: what, "key": key})).error

    def table(self, model: str, caller: Caller) -> RouteTable | Failure | None:
        """Return the model's table; None where there is no such model."""
        key = self.admit(caller.metadata, model)
        return key if isinstance(key, Failure) else self.catalogue.get(model)


def entry_of(table: RouteTable, version: str = "", label: str = "") -> VersionEntry | None:
    """Return the version of that name or label; without either the one that gets most, or the newest."""
    if label and not version:
        version = table.labels.get(label, "")
        return table.versions.get(version)
    if version:
        return table.versions.get(version)
    split = effective_split(table)
    if split:
        return table.versions[max(split, key=lambda name: split[name])]
    return max(table.versions.values(), key=lambda entry: entry.generation, default=None)
