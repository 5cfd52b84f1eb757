"""Models loaded and unloaded through a door: commands on the control topic, and what came of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Final

import msgspec

from pointsman.client.client import Client
from pointsman.core.ids import GRAMMAR, is_name
from pointsman.core.table import RouteTable, VersionEntry, VersionState, is_serving
from pointsman.errors import (
    ALREADY_EXISTS,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    UNAVAILABLE,
    ClientError,
    Failure,
)
from pointsman.gateway.oip_repository import LOAD_FAILED
from pointsman.wire.malformed import UNREADABLE

# What a client waits for a load is its own business; this is what we do.
LOAD_S: Final = 60.0
_LOOK_S: Final = 0.05


class Repository:
    """Loads what is registered, or described in `config` as a model file has it; unloading retires."""

    def __init__(self, kafka: str, catalogue: Mapping[str, RouteTable]) -> None:
        self._client = Client(kafka)
        self._catalogue = catalogue

    @contextlib.asynccontextmanager
    async def lifetime(self) -> AsyncIterator[None]:
        """Talk to the job while the application runs."""
        async with self._client:
            yield

    async def load(self, model: str, config: str) -> Failure | None:
        """Return when all versions that the config names are ready, without one any; or why they are not."""
        epoch = 0
        try:
            spec = msgspec.json.decode(config, type=dict[str, Any]) if config else None
        except UNREADABLE as error:
            return _not_loaded(model, f"the config is no JSON object: {str(error)[:200]}")
        if not is_name(model):
            return _not_loaded(model, f"a model's name is {GRAMMAR}")
        if spec is not None:
            acked = await self._command({"model": model, "apply": {**spec, "model": model}})
            if isinstance(acked, Failure):
                return _not_loaded(model, acked.message)
            epoch = acked
        try:
            async with asyncio.timeout(LOAD_S):
                return await self._loaded(model, epoch, _versions_of(spec))
        except TimeoutError:
            return Failure(UNAVAILABLE, f"{LOAD_FAILED} '{model}': it is not ready after {LOAD_S:.0f} s")

    async def unload(self, model: str) -> Failure | None:
        """Retire all versions of the model; return why that was refused, if it was."""
        table = self._catalogue.get(model)
        if table is None or not table.versions:
            return Failure(INVALID_ARGUMENT, f"failed to unload '{model}': it is not loaded")
        acked = await self._command({"model": model, "retire": list(table.versions)})
        return acked if isinstance(acked, Failure) else None

    async def register(
        self, model: str, version: str, spec: Mapping[str, Any], actor: str, wait_s: float
    ) -> VersionState | Failure:
        """Add a version and return its state: READY, or what it is after `wait_s` seconds; or why it is not.

        Where the router does not take it beside what there is the code is ALREADY_EXISTS.
        """
        acked = await self._command({"model": model, "register": {version: spec}, "actor": actor})
        if isinstance(acked, Failure):
            is_taken = acked.code == FAILED_PRECONDITION
            return msgspec.structs.replace(acked, code=ALREADY_EXISTS) if is_taken else acked
        try:
            async with asyncio.timeout(wait_s):
                return await self._loaded(model, acked, (version,)) or VersionState.READY
        except TimeoutError:
            table = self._catalogue.get(model)
            entry = table.versions.get(version) if table else None
            return entry.state if entry else VersionState.REGISTERED

    async def _loaded(self, model: str, epoch: int, wanted: Collection[str]) -> Failure | None:
        while True:
            table = self._catalogue.get(model)
            if table is None or not table.versions:
                if not epoch:
                    return _not_loaded(model, "no version is registered; describe it in parameters.config")
            elif table.epoch >= epoch:
                reason = reason_of(table, wanted)
                if reason is not None:
                    said = f"{LOAD_FAILED} '{model}': {reason}"
                    return Failure(FAILED_PRECONDITION, said) if reason else None
            await asyncio.sleep(_LOOK_S)

    async def _command(self, command: dict[str, Any]) -> int | Failure:
        """Return the epoch that a command led to."""
        try:
            ack = await self._client.control(command)
        except ClientError as error:
            return Failure(UNAVAILABLE, str(error))
        return ack.epoch if ack.error is None else ack.error


def reason_of(table: RouteTable, wanted: Collection[str]) -> str | None:
    """Return why a model is not loaded: "" where it is, None where that is not known yet.

    It is loaded when all `wanted` versions are ready, or, where none is named, any.
    """
    entries = table.versions
    gone = [version for version in wanted if version not in entries]
    if gone:
        return f"version {gone[0]!r} has been retired meanwhile"
    ready = [is_serving(entries[version]) for version in wanted or entries]
    if all(ready) if wanted else any(ready):
        return ""
    failed = [entries[version] for version in wanted or entries if _has_failed(entries[version])]
    if failed and (wanted or len(failed) == len(entries)):
        return "; ".join(entry.reason or f"version {entry.version!r} failed" for entry in failed)
    return None


def _has_failed(entry: VersionEntry) -> bool:
    return entry.state is VersionState.FAILED


def _versions_of(spec: Mapping[str, Any] | None) -> Collection[str]:
    versions = (spec or {}).get("versions")
    return tuple(versions) if isinstance(versions, Mapping) else ()


def _not_loaded(model: str, reason: str) -> Failure:
    return Failure(INVALID_ARGUMENT, f"{LOAD_FAILED} '{model[:63]}': {reason}", "model")
