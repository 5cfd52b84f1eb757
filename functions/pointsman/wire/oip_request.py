"""Requests of the Open Inference Protocol over REST, in JSON or with binary tensors behind it.

    {"id"?, "parameters"?, "inputs": [{"name", "shape", "datatype", "parameters"?, "data"?}], "outputs"?}

An input has its elements in `data`, or says in `parameters.binary_data_size` how many of the bytes behind
the JSON are its own: these come in the order of the inputs and leave no byte over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from pointsman.core.tensor import TensorSpec
from pointsman.errors import Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.elements import Fault, check_frame, check_names, flattened, packed, quoted
from pointsman.wire.malformed import UNREADABLE, malformed
from pointsman.wire.oip_binary import HEADER, Tail, raw_tensor, tail_of
from pointsman.wire.oip_parameter import Scalar, text_of

_MAX_TIMEOUT_US: Final = 2**63 - 1
# What Triton can do with a tensor and this server cannot: to answer as if it were not asked would mislead.
_UNSUPPORTED: Final = {
    "shared_memory_region": "shared memory is not supported; send the bytes",
    "classification": "classification is not supported; ask for the tensor and sort it",
}


class RequestedOutput(NamedTuple):
    """An output that is asked for; `binary`: its elements are to follow the JSON."""

    name: str
    binary: bool


class OipRequest(msgspec.Struct, frozen=True):
    """A request. `outputs` None stands for all, `binary_default` is how they are written then.

    `parameters` are those without a meaning here: `timeout`, in microseconds, has become `timeout_ms`
    (0: none), and `binary_data_output` `binary_default`.
    """

    id: str
    tensors: list[pb.Tensor]
    outputs: tuple[RequestedOutput, ...] | None = None
    binary_default: bool = False
    timeout_ms: int = 0
    parameters: dict[str, Scalar] = {}

    @property
    def texts(self) -> dict[str, str]:
        """The parameters as a record holds them."""
        return {name: text_of(value) for name, value in self.parameters.items()}


class _Input(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] | None = None
    data: Any = msgspec.UNSET


class _Output(msgspec.Struct):
    name: str
    parameters: dict[str, Any] | None = None


class _Body(msgspec.Struct):
    inputs: list[_Input]
    outputs: list[_Output] | None = None
    id: str | int | None = None
    parameters: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(_Body)


def read_request(body: bytes, json_length: int | None) -> OipRequest | Failure:
    """Return the request, or why there is none. Never raises for what a user sent.

    `json_length` is the header Inference-Header-Content-Length, None where it is absent: then all of the
    body is JSON. Where it is 0 the body is a tensor without JSON, which `read_raw` reads.
    """
    text: bytes | memoryview = body
    try:
        tail = None
        if json_length is not None:
            text, tail = tail_of(body, json_length)
        return _request(_decoder.decode(text), tail)
    except Fault as fault:
        return fault.failure
    except UNREADABLE as error:
        return malformed(error, text)


def read_raw(body: bytes, inputs: Sequence[TensorSpec]) -> OipRequest | Failure:
    """Return the request whose body is, without any JSON, the only input of a model."""
    if len(inputs) != 1:
        message = f"must not be 0 for a model of {len(inputs)} inputs; send JSON"
        return Fault(HEADER, message).failure
    try:
        return OipRequest("", [raw_tensor(body, inputs[0])])
    except Fault as fault:
        return fault.failure


def _request(body: _Body, tail: Tail | None) -> OipRequest:
    if not body.inputs:
        raise Fault("inputs", "must hold at least one tensor")
    tensors = [_tensor(given, tail) for given in body.inputs]
    if tail is not None:
        tail.end()
    check_names("inputs", [given.name for given in body.inputs])
    request_id = "" if body.id is None else str(body.id)
    if body.parameters is None and not body.outputs:
        return OipRequest(request_id, tensors)
    parameters = _scalars(body.parameters or {})
    timeout_ms = _timeout_ms(parameters.pop("timeout", 0))
    binary = _flag(parameters.pop("binary_data_output", False), "parameters.binary_data_output")
    outputs = _outputs(body.outputs, binary) if body.outputs else None
    return OipRequest(request_id, tensors, outputs, binary, timeout_ms, parameters)


def _tensor(given: _Input, tail: Tail | None) -> pb.Tensor:
    field = f"inputs.{quoted(given.name)}"
    datatype, shape = given.datatype, given.shape
    check_frame(datatype, shape, field)
    parameters = given.parameters
    if parameters:
        _check_supported(parameters, field)
        if "binary_data_size" in parameters:
            return _binary(given, parameters["binary_data_size"], field, tail)
    if given.data is msgspec.UNSET:
        raise Fault(f"{field}.data", "is missing")
    flat = flattened(given.data, shape, f"{field}.data")
    return pb.Tensor(
        name=given.name, datatype=datatype, shape=shape, raw=packed(flat, datatype, f"{field}.data")
    )


def _binary(given: _Input, size: Any, field: str, tail: Tail | None) -> pb.Tensor:
    if given.data is not msgspec.UNSET:
        raise Fault(field, "has data and parameters.binary_data_size; give one of them")
    if tail is None:
        message = "needs the header Inference-Header-Content-Length, and the bytes behind the JSON"
        raise Fault(f"{field}.parameters.binary_data_size", message)
    raw = tail.take(size, given.datatype, given.shape, field)
    return pb.Tensor(name=given.name, datatype=given.datatype, shape=given.shape, raw=raw)


def _outputs(wanted: list[_Output], default: bool) -> tuple[RequestedOutput, ...]:
    check_names("outputs", [output.name for output in wanted])
    return tuple(RequestedOutput(output.name, _is_binary(output, default)) for output in wanted)


def _is_binary(output: _Output, default: bool) -> bool:
    if not output.parameters:
        return default
    field = f"outputs.{quoted(output.name)}"
    _check_supported(output.parameters, field)
    return _flag(output.parameters.get("binary_data", default), f"{field}.parameters.binary_data")


def _check_supported(parameters: dict[str, Any], field: str) -> None:
    for name, message in _UNSUPPORTED.items():
        if name in parameters:
            raise Fault(f"{field}.parameters.{name}", message)


def _flag(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise Fault(field, "is true or false")
    return value


def _scalars(parameters: dict[str, Any]) -> dict[str, Scalar]:
    """Return the parameters; `headers` may be an object, as some clients send it, and is then dropped."""
    for name, value in parameters.items():
        if not isinstance(value, str | int | float) and name != "headers":
            raise Fault(f"parameters.{quoted(name)}", "must be a string, a number or a boolean")
    if isinstance(parameters.get("headers", ""), str):
        return parameters
    return {name: value for name, value in parameters.items() if name != "headers"}


def _timeout_ms(timeout_us: Any) -> int:
    """Return whole milliseconds, rounded up so that a short timeout does not become none."""
    is_whole = isinstance(timeout_us, int) and not isinstance(timeout_us, bool)
    if not is_whole or not 0 <= timeout_us <= _MAX_TIMEOUT_US:
        raise Fault("parameters.timeout", "is a whole number of microseconds, 0 for none")
    return -(-int(timeout_us) // 1000)
