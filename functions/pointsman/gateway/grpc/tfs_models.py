"""The door of TensorFlow Serving's tensorflow.serving.ModelService."""

from __future__ import annotations

from typing import Any

from pointsman.core.table import entry_of
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.gateway.grpc.caller import Caller
from pointsman.gateway.grpc.door import Door
from pointsman.pb.tfs import serving_pb2 as tfs
from pointsman.wire import tfs_grpc, tfs_grpc_models


class Models:
    """The methods of ModelService."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def get_model_status(
        self, request: tfs.GetModelStatusRequest, caller: Caller
    ) -> tfs.GetModelStatusResponse | Failure:
        """Return the state of the version that is named, or of every version, the newest first."""
        target = tfs_grpc.target_of(request.model_spec)
        if isinstance(target, Failure):
            return target
        table = self._door.table(target.model, caller)
        if isinstance(table, Failure):
            return table
        if table is None:
            return tfs_grpc.unknown_servable(target)
        entries = sorted(table.versions.values(), key=lambda entry: -entry.generation)
        if target.version or target.label:
            named = entry_of(table, target.version, target.label)
            if named is None:
                return tfs_grpc.unknown_servable(target)
            entries = [named]
        statuses = map(tfs_grpc_models.status_of, entries)
        return tfs.GetModelStatusResponse(model_version_status=statuses)

    async def handle_reload_config_request(
        self, request: tfs.ReloadConfigRequest, caller: Caller
    ) -> tfs.ReloadConfigResponse | Failure:
        """Have exactly the models of the list served; a refusal is the answer's status, as clients expect."""
        if request.config.WhichOneof("config") != "model_config_list":
            return Failure(INVALID_ARGUMENT, "the config is a model_config_list", "config")
        models = [_described(config) for config in request.config.model_config_list.config]
        names = [model["model"] for model in models]
        if not all(names) or len(set(names)) != len(names):
            return Failure(INVALID_ARGUMENT, "each model of the list has a name of its own", "config.name")
        failure = await self._door.command("reload", {"models": models}, caller, ["", *names])
        return tfs.ReloadConfigResponse(status=tfs_grpc_models.status_proto(failure))


def _described(config: tfs.ModelConfig) -> dict[str, Any]:
    described: dict[str, Any] = {
        "model": config.name,
        "base_path": config.base_path,
        "platform": config.model_platform,
        "labels": {label: str(version) for label, version in config.version_labels.items()},
    }
    policy = config.model_version_policy
    match policy.WhichOneof("policy_choice"):
        case "all":
            described["versions"] = {"all": True}
        case "latest":
            described["versions"] = {"latest": policy.latest.num_versions or 1}
        case "specific":
            described["versions"] = {"specific": [str(version) for version in policy.specific.versions]}
    return described
