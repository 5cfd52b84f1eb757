"""What a request asks and what comes back, between numpy and protobuf."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
import numpy as np

from pointsman.core.tensor import Array
from pointsman.errors import INVALID_ARGUMENT, Failure, Refused
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.tensors import array_from_pb, tensor_to_pb

# Arrays by name; one array, which gets the name `input`; or a JSON body in any form of the JSON topics.
Inputs: TypeAlias = dict[str, Array] | Array | dict[str, Any] | list[Any]
DEFAULT_INPUT = "input"


class Prediction(msgspec.Struct, frozen=True):
    """One final answer: outputs, or the failure that took their place.

    `queued_us` and `compute_us` are microseconds from the record's timestamp to the start of compute and
    of the micro-batch's forward pass, which had `batch_rows` rows.
    """

    id: str
    model: str = ""
    version: str = ""
    arm: str = ""
    epoch: int = 0
    decision_id: str = ""
    outputs: dict[str, Array] = {}
    failure: Failure | None = None
    queued_us: int = 0
    compute_us: int = 0
    batch_rows: int = 0
    attempt: int = 0
    context: bytes = b""


def fill_payload(request: pb.InferenceRequest, inputs: Inputs) -> None:
    """Set the request's payload. Raises Refused where the inputs have no form on the wire."""
    tensors = tensors_of(inputs)
    if tensors is None:
        request.json = json_of(inputs)
    else:
        request.tensors.tensors.extend(tensors)


def tensors_of(inputs: Inputs) -> list[pb.Tensor] | None:
    """Return the arrays as tensors; None for a JSON body.

    Raises Refused where an array has no counterpart on the wire.
    """
    arrays = _arrays(inputs)
    if arrays is None:
        return None
    tensors = []
    for name, array in arrays.items():
        tensor = tensor_to_pb(name, array)
        if isinstance(tensor, Failure):
            raise Refused(tensor)
        tensors.append(tensor)
    return tensors


def json_of(inputs: Inputs) -> bytes:
    """Return a JSON body. Raises Refused where JSON has no place for what is in it."""
    try:
        return msgspec.json.encode(inputs)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Refused(Failure(INVALID_ARGUMENT, f"inputs: no JSON body: {error}", "inputs")) from error


def prediction_from_pb(response: pb.InferenceResponse) -> Prediction:
    """Return the answer; outputs that cannot be read are a failure."""
    failure: Failure | None = None
    if response.HasField("error"):
        failure = Failure(response.error.code, response.error.message, response.error.field)
    outputs: dict[str, Array] = {}
    for tensor in response.outputs.tensors:
        array = array_from_pb(tensor)
        if isinstance(array, Failure):
            failure, outputs = array, {}
            break
        outputs[tensor.name] = array
    timings = response.timings
    return Prediction(
        response.id, response.model, response.version, response.arm, response.epoch, response.decision_id,
        outputs, failure, timings.queued_us, timings.compute_us, timings.batch_rows, response.attempt,
        response.context,
    )  # fmt: skip


def _arrays(inputs: Inputs) -> dict[str, Array] | None:
    if isinstance(inputs, np.ndarray):
        return {DEFAULT_INPUT: inputs}
    if (
        isinstance(inputs, dict)
        and inputs
        and all(isinstance(value, np.ndarray) for value in inputs.values())
    ):
        return inputs
    return None
