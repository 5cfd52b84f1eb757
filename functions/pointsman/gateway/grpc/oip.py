"""The door of the Open Inference Protocol: inference.GRPCInferenceService."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any, Final

from pointsman import __version__
from pointsman.core.table import RouteTable, entry_of, is_serving
from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, Failure
from pointsman.gateway.call import Call
from pointsman.gateway.grpc.caller import Caller
from pointsman.gateway.grpc.door import Door
from pointsman.gateway.grpc.handlers import settled
from pointsman.gateway.grpc.ordered import answer_in_order
from pointsman.gateway.grpc.refusal import MAX_TEXT
from pointsman.gateway.oip_repository import LOAD_FAILED
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.wire import oip_grpc, oip_grpc_models
from pointsman.wire.oip_grpc_answer import answer_of
from pointsman.wire.oip_metadata import unknown_model

EXTENSIONS: Final = ("model_repository", "model_configuration", "statistics")


class OpenInference:
    """The methods of GRPCInferenceService."""

    OPEN: Final = ("ServerLive", "ServerReady", "ServerMetadata")

    def __init__(self, door: Door) -> None:
        self._door = door

    async def server_live(self, request: oip.ServerLiveRequest, caller: Caller) -> oip.ServerLiveResponse:
        """Return that the gateway answers."""
        return oip.ServerLiveResponse(live=True)

    async def server_ready(self, request: oip.ServerReadyRequest, caller: Caller) -> oip.ServerReadyResponse:
        """Return whether the gateway can submit requests."""
        return oip.ServerReadyResponse(ready=self._door.is_ready)

    async def model_ready(
        self, request: oip.ModelReadyRequest, caller: Caller
    ) -> oip.ModelReadyResponse | Failure:
        """Return whether the version serves; without one whether any does. What there is not is not ready."""
        table = self._door.table(request.name, caller)
        if isinstance(table, Failure):
            return table
        entries = {} if table is None else table.versions
        asked = [entries.get(request.version)] if request.version else entries.values()
        return oip.ModelReadyResponse(ready=any(is_serving(entry) for entry in asked))

    async def server_metadata(
        self, request: oip.ServerMetadataRequest, caller: Caller
    ) -> oip.ServerMetadataResponse:
        """Return name and release of the gateway."""
        return oip.ServerMetadataResponse(name="pointsman", version=__version__, extensions=EXTENSIONS)

    async def model_metadata(
        self, request: oip.ModelMetadataRequest, caller: Caller
    ) -> oip.ModelMetadataResponse | Failure:
        """Return the versions and the signature of a model."""
        table = self._table(request.name, request.version, caller)
        if isinstance(table, Failure):
            return table
        entry = entry_of(table, request.version)
        if entry is None:
            return unknown_model(request.name)
        return oip_grpc_models.metadata_of(table, entry.spec, request.version)

    async def model_config(
        self, request: oip.ModelConfigRequest, caller: Caller
    ) -> oip.ModelConfigResponse | Failure:
        """Return how a version is batched, and its signature."""
        table = self._table(request.name, request.version, caller)
        if isinstance(table, Failure):
            return table
        entry = entry_of(table, request.version)
        if entry is None:
            return unknown_model(request.name)
        return oip.ModelConfigResponse(config=oip_grpc_models.config_of(table, entry.spec))

    async def model_statistics(
        self, request: oip.ModelStatisticsRequest, caller: Caller
    ) -> oip.ModelStatisticsResponse | Failure:
        """Return the counts of a version, a model or, without a name, of all."""
        found = self._door.desk.statistics.of(request.name, request.version)
        if request.name:
            table = self._table(request.name, request.version, caller)
            if isinstance(table, Failure):
                return table
            return oip.ModelStatisticsResponse(model_stats=map(oip_grpc_models.statistics_of, found))
        permit = self._door.admit(caller, "")
        if isinstance(permit, Failure):
            return permit
        seen = (oip_grpc_models.statistics_of(one) for one in found if permit.allows(one.name))
        return oip.ModelStatisticsResponse(model_stats=seen)

    async def model_infer(
        self, request: oip.ModelInferRequest, caller: Caller
    ) -> oip.ModelInferResponse | Failure:
        """Return the answer of the model."""
        call = self._door.refusal(caller, request.model_name) or call_of(request, caller)
        if isinstance(call, Failure):
            return call
        response = await self._door.ask(call, caller)
        if isinstance(response, Failure):
            return _reworded(response, call)
        answer = answer_of(request, response)
        if not isinstance(answer, Failure):
            answer.id = call.id
        return answer

    async def model_stream_infer(
        self,
        requests: AsyncIterable[oip.ModelInferRequest | Failure],
        caller: Caller,
        send: Callable[[oip.ModelStreamInferResponse], Awaitable[None]],
    ) -> None:
        """Answer each request, in order; an error is an answer too."""

        async def answer(request: oip.ModelInferRequest | Failure) -> oip.ModelStreamInferResponse:
            if isinstance(request, Failure):
                return _stream_error(request, "")
            answered = await settled(self.model_infer(request, caller.in_stream()))
            if isinstance(answered, Failure):
                return _stream_error(answered, request.id)
            answered.parameters["triton_final_response"].bool_param = True
            return oip.ModelStreamInferResponse(infer_response=answered)

        await answer_in_order(requests, answer, send, self._door.window)

    async def repository_index(
        self, request: oip.RepositoryIndexRequest, caller: Caller
    ) -> oip.RepositoryIndexResponse | Failure:
        """Return every version of every model with its state; where asked, those that are ready."""
        permit = self._door.admit(caller, "")
        if isinstance(permit, Failure):
            return permit
        tables = (table for name, table in sorted(self._door.desk.catalogue.items()) if permit.allows(name))
        models = [model for table in tables for model in oip_grpc_models.index_of(table)]
        ready = [model for model in models if model.state == "READY"]
        return oip.RepositoryIndexResponse(models=ready if request.ready else models)

    async def repository_model_load(
        self, request: oip.RepositoryModelLoadRequest, caller: Caller
    ) -> oip.RepositoryModelLoadResponse | Failure:
        """Have the model brought into service."""
        failure = await self._command("load", request, caller)
        if failure is None:
            return oip.RepositoryModelLoadResponse()
        if failure.message.startswith(LOAD_FAILED):  # the repository has said which
            return failure
        name = request.model_name[:80]
        return Failure(failure.code, f"{LOAD_FAILED} {name!r}, {failure.message}", failure.field)

    async def repository_model_unload(
        self, request: oip.RepositoryModelUnloadRequest, caller: Caller
    ) -> oip.RepositoryModelUnloadResponse | Failure:
        """Have the model taken out of service."""
        failure = await self._command("unload", request, caller)
        return failure or oip.RepositoryModelUnloadResponse()

    async def _command(
        self,
        kind: str,
        request: oip.RepositoryModelLoadRequest | oip.RepositoryModelUnloadRequest,
        caller: Caller,
    ) -> Failure | None:
        if not request.model_name:
            return Failure(INVALID_ARGUMENT, "the request names no model", "model_name")
        parameters: dict[str, Any] = {}
        for name, parameter in request.parameters.items():
            choice = parameter.WhichOneof("parameter_choice")
            parameters[name] = getattr(parameter, choice) if choice else None
        what = {"model": request.model_name, "repository": request.repository_name, "parameters": parameters}
        return await self._door.command(kind, what, caller, [request.model_name])

    def _table(self, model: str, version: str, caller: Caller) -> RouteTable | Failure:
        table = self._door.table(model, caller)
        if table is None:
            return unknown_model(model)
        if not isinstance(table, Failure) and version and version not in table.versions:
            return unknown_model(model, version)
        return table


def call_of(request: oip.ModelInferRequest, caller: Caller) -> Call | Failure:
    """Return what the request asks, or what is wrong with it."""
    if not request.model_name:
        return Failure(INVALID_ARGUMENT, "the request names no model", "model_name")
    parameters = oip_grpc.parameters_of(request)
    if isinstance(parameters, Failure):
        return parameters
    failure = oip_grpc.outputs_failure(request)
    if failure is not None:
        return failure
    tensors = oip_grpc.tensors_of(request)
    if isinstance(tensors, Failure):
        return tensors
    return Call(
        model=request.model_name,
        version=request.model_version,
        label=caller.label,
        id=request.id or caller.request_id,
        unit=caller.unit,
        timeout_ms=caller.within(parameters.timeout_ms),
        tensors=tensors,
        traceparent=caller.traceparent,
        parameters=parameters.texts,
    )


def _reworded(failure: Failure, call: Call) -> Failure:
    if failure.code == NOT_FOUND and failure.field in ("model", "version"):
        return unknown_model(call.model, call.version if failure.field == "version" else "")
    return failure


def _stream_error(failure: Failure, request_id: str) -> oip.ModelStreamInferResponse:
    answer = oip.ModelInferResponse(id=request_id)
    return oip.ModelStreamInferResponse(error_message=failure.message[:MAX_TEXT], infer_response=answer)
