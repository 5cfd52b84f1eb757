"""The door of TensorFlow Serving's tensorflow.serving.PredictionService."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage

from pointsman.core.table import entry_of
from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, Failure
from pointsman.gateway.call import Call
from pointsman.gateway.grpc.caller import Caller
from pointsman.gateway.grpc.door import Door
from pointsman.pb.tfs import serving_pb2 as tfs
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire import tfs_grpc, tfs_grpc_models
from pointsman.wire.tfs_examples import tensors_of_examples
from pointsman.wire.tfs_results import classification_of, regression_of

CLASSIFY: Final = "tensorflow/serving/classify"
REGRESS: Final = "tensorflow/serving/regress"
MAX_TASKS: Final = 64
METADATA_FIELD: Final = "signature_def"
Result = TypeVar("Result")


class Prediction:
    """The methods of PredictionService."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def predict(self, request: tfs.PredictRequest, caller: Caller) -> tfs.PredictResponse | Failure:
        """Return the model's outputs."""
        refusal = self._door.refusal(caller, request.model_spec.name)
        tensors = refusal or tfs_grpc.tensors_of(request)
        if isinstance(tensors, Failure):
            return tensors
        response = await self._ask(request.model_spec, tensors, caller)
        return response if isinstance(response, Failure) else tfs_grpc.answer_of(request, response)

    async def classify(
        self, request: tfs.ClassificationRequest, caller: Caller
    ) -> tfs.ClassificationResponse | Failure:
        """Return the classes of each example."""
        answer = await self._ask_of_examples(request.model_spec, request.input, caller, classification_of)
        if isinstance(answer, Failure):
            return answer
        return tfs.ClassificationResponse(model_spec=answer[0], result=answer[1])

    async def regress(
        self, request: tfs.RegressionRequest, caller: Caller
    ) -> tfs.RegressionResponse | Failure:
        """Return the value of each example."""
        answer = await self._ask_of_examples(request.model_spec, request.input, caller, regression_of)
        if isinstance(answer, Failure):
            return answer
        return tfs.RegressionResponse(model_spec=answer[0], result=answer[1])

    async def multi_inference(
        self, request: tfs.MultiInferenceRequest, caller: Caller
    ) -> tfs.MultiInferenceResponse | Failure:
        """Return a result for each task, all on the same examples; the first failure is that of the call."""
        failure = _tasks_failure(request.tasks)
        if failure is not None:
            return failure
        tasks = (self._task(task, request.input, caller.in_stream()) for task in request.tasks)
        answer = tfs.MultiInferenceResponse()
        for result in await asyncio.gather(*tasks):
            if isinstance(result, Failure):
                return result
            answer.results.append(result)
        return answer

    async def get_model_metadata(
        self, request: tfs.GetModelMetadataRequest, caller: Caller
    ) -> tfs.GetModelMetadataResponse | Failure:
        """Return the signature of a version."""
        if list(request.metadata_field) != [METADATA_FIELD]:
            message = f"metadata_field must be [{METADATA_FIELD!r}]: nothing else is known of a model"
            return Failure(INVALID_ARGUMENT, message, "metadata_field")
        target = tfs_grpc.target_of(request.model_spec)
        if isinstance(target, Failure):
            return target
        table = self._door.table(target.model, caller)
        if isinstance(table, Failure):
            return table
        entry = entry_of(table, target.version, target.label) if table is not None else None
        if entry is None:
            return tfs_grpc.unknown_servable(target)
        answer = tfs.GetModelMetadataResponse(model_spec=tfs.ModelSpec(name=target.model))
        number = tfs_grpc.version_number(entry.version)
        if number is not None:
            answer.model_spec.version.value = number
        packed = AnyMessage()
        packed.Pack(tfs_grpc_models.signature_of(entry.spec))
        answer.metadata[METADATA_FIELD].CopyFrom(packed)
        return answer

    async def _task(
        self, task: tfs.InferenceTask, given: tfs.Input, caller: Caller
    ) -> tfs.InferenceResult | Failure:
        if task.method_name == CLASSIFY:
            classes = await self._ask_of_examples(task.model_spec, given, caller, classification_of)
            if isinstance(classes, Failure):
                return classes
            return tfs.InferenceResult(model_spec=classes[0], classification_result=classes[1])
        values = await self._ask_of_examples(task.model_spec, given, caller, regression_of)
        if isinstance(values, Failure):
            return values
        return tfs.InferenceResult(model_spec=values[0], regression_result=values[1])

    async def _ask_of_examples(
        self,
        spec: tfs.ModelSpec,
        given: tfs.Input,
        caller: Caller,
        result_of: Callable[[pb.InferenceResponse], Result | Failure],
    ) -> tuple[tfs.ModelSpec, Result] | Failure:
        refusal = self._door.refusal(caller, spec.name)
        if refusal is not None:
            return refusal
        table = self._door.desk.catalogue.get(spec.name)
        version = str(spec.version.value) if spec.HasField("version") else ""
        entry = entry_of(table, version, spec.version_label) if table is not None else None
        tensors = tensors_of_examples(given, entry.spec.signature if entry is not None else None)
        if isinstance(tensors, Failure):
            return tensors
        response = await self._ask(spec, tensors, caller)
        if isinstance(response, Failure):
            return response
        result = result_of(response)
        return result if isinstance(result, Failure) else (tfs_grpc.served_spec(spec, response), result)

    async def _ask(
        self, spec: tfs.ModelSpec, tensors: Sequence[pb.Tensor], caller: Caller
    ) -> pb.InferenceResponse | Failure:
        target = tfs_grpc.target_of(spec)
        if isinstance(target, Failure):
            return target
        call = Call(
            model=target.model,
            version=target.version,
            label=target.label,
            id=caller.request_id,
            unit=caller.unit,
            timeout_ms=caller.timeout_ms,
            tensors=tensors,
            traceparent=caller.traceparent,
        )
        response = await self._door.ask(call, caller)
        return _reworded(response, target) if isinstance(response, Failure) else response


def _reworded(failure: Failure, target: tfs_grpc.Target) -> Failure:
    is_unknown = failure.code == NOT_FOUND and failure.field in ("model", "version", "label")
    return tfs_grpc.unknown_servable(target) if is_unknown else failure


def _tasks_failure(tasks: Sequence[tfs.InferenceTask]) -> Failure | None:
    if not 1 <= len(tasks) <= MAX_TASKS:
        return Failure(INVALID_ARGUMENT, f"tasks: 1 to {MAX_TASKS}, not {len(tasks)}", "tasks")
    for number, task in enumerate(tasks):
        if task.method_name not in (CLASSIFY, REGRESS):
            message = f"tasks[{number}].method_name must be {CLASSIFY!r} or {REGRESS!r}"
            return Failure(INVALID_ARGUMENT, message, "method_name")
    return None
