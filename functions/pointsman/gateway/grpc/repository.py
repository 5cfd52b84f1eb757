"""Commands of the gRPC doors, done by the repository of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pointsman.errors import FAILED_PRECONDITION, Failure
from pointsman.gateway.oip_repository import Repository


class Done(NamedTuple):
    """What became of a command; see Ack."""

    error: Failure | None


class RepositoryControl:
    """Control by a repository. To name all models there are to be is none of its commands."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def __call__(self, command: Mapping[str, Any]) -> Done:
        """Do the command."""
        if (load := command.get("load")) is not None:
            config = load["parameters"].get("config", "")
            return Done(await self._repository.load(load["model"], str(config)))
        if (unload := command.get("unload")) is not None:
            return Done(await self._repository.unload(unload["model"]))
        message = "models are added and left out one by one; send `apply` to the control topic"
        return Done(Failure(FAILED_PRECONDITION, message))
