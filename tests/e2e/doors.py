"""Every way to ask a model one question, and what is told: the version that answered and its rows.

The question is `rows` of FP32 under the name `x`, of a sticky unit. JSON has 64-bit numbers, and so have rows
that came as JSON: who compares them sees whether they are the 32-bit ones to the last bit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import grpc
import msgspec
import numpy as np

from pointsman.core.tensor import Array
from pointsman.errors import Failure
from pointsman.localstack.stack import Stack
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.tfs import serving_pb2 as tfs
from pointsman.pb.tfs import tensor_pb2 as tf
from pointsman.pb.v1 import gateway_pb2
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.tensors import array_from_pb, tensor_to_pb
from tests.e2e.asking import Answer, ask
from tests.e2e.bench import Bench
from tests.unit.gateway.grpc.doors import OIP, OWN, TFS, Client

WITHIN_S: Final = 30


class Question(NamedTuple):
    """What is asked; `client` speaks gRPC with the gateways."""

    stack: Stack
    client: Client
    model: str
    rows: Array
    unit: str

    def http(self, path: str, body: object, **headers: str) -> Answer:
        """Return the answer of an HTTP door, which must be one."""
        answer = ask(
            self.stack, "POST", path.format(model=self.model), body, x_pointsman_unit=self.unit, **headers
        )
        assert answer.status == 200, answer
        return answer

    def grpc(self, service: str, name: str, request: Any) -> Any:
        """Return the answer of a gRPC door; ask again where it asks for that."""
        metadata = (("x-pointsman-unit", self.unit),)
        while True:
            try:
                return self.client(service, name, request, metadata=metadata, timeout=WITHIN_S)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                threading.Event().wait(0.1)

    @property
    def tensor(self) -> dict[str, Any]:
        """The rows as the Open Inference Protocol's JSON has them, less their elements."""
        return {"name": "x", "datatype": "FP32", "shape": list(self.rows.shape)}


class Told(NamedTuple):
    version: str
    rows: Array


Body: TypeAlias = Callable[[Question], dict[str, Any]]


def oip_body(asked: Question) -> dict[str, Any]:
    return {"inputs": [{**asked.tensor, "data": asked.rows.ravel().tolist()}]}


def nested_body(asked: Question) -> dict[str, Any]:
    return {"inputs": [{**asked.tensor, "data": asked.rows.tolist()}]}


def rows_body(asked: Question) -> dict[str, Any]:
    return {"instances": asked.rows.tolist()}


def named_rows_body(asked: Question) -> dict[str, Any]:
    """Return the form of Cluster Serving, which TensorFlow Serving has for models of several inputs."""
    return {"instances": [{"x": row} for row in asked.rows.tolist()]}


def columns_body(asked: Question) -> dict[str, Any]:
    return {"columns": {"x": asked.rows.tolist()}}


def inputs_body(asked: Question) -> dict[str, Any]:
    return {"inputs": asked.rows.tolist()}


def named_inputs_body(asked: Question) -> dict[str, Any]:
    return {"inputs": {"x": asked.rows.tolist()}}


def rows_of(body: Any) -> Array:
    """Return the rows of an answer in JSON, whatever its form."""
    match body:
        case {"outputs": [{"data": data, "shape": shape}]}:
            return np.array(data, np.float64).reshape(shape)
        case {"outputs": rows} | {"predictions": rows} | {"columns": rows}:
            return np.array(rows, np.float64)
    raise AssertionError(body)


# --- topics ---------------------------------------------------------------------------------------------


def ask_topics(bench: Bench, asked: Question) -> dict[str, Told]:
    """Return what is told over Kafka, in each form."""
    for name, body in TOPIC_BODIES.items():
        request_id = f"{name}, {asked.unit}"
        fields = {"id": request_id, "model": asked.model, "unit": asked.unit, **body(asked)}
        bench.send_json(request_id, fields, key=asked.model)
    bench.send(asked.model, f"protobuf, {asked.unit}", asked.rows, unit=asked.unit)
    wrapped = pb.InferenceRequest(
        id=f"JSON in protobuf, {asked.unit}",
        model=asked.model,
        unit=asked.unit,
        json=msgspec.json.encode(rows_body(asked)),
    )
    bench.ledger.send(wrapped.id, wrapped.SerializeToString(), key=asked.model.encode())
    bench.settled()
    told = {}
    for name in (*TOPIC_BODIES, "protobuf", "JSON in protobuf"):
        final = bench.ledger.finals[f"{name}, {asked.unit}"]
        assert not final.error, final
        rows = rows_of(final.body) if final.body else bench.outputs(final.id)["y"]
        told[f"Kafka, {name}"] = Told(final.version, rows)
    return told


TOPIC_BODIES: Final[Mapping[str, Body]] = {
    "Open Inference Protocol": oip_body,
    "instances": rows_body,
    "instances by name": named_rows_body,
    "columns": columns_body,
}

# --- HTTP -----------------------------------------------------------------------------------------------


def by_json(path: str, body: Body) -> Callable[[Question], Told]:
    """Return the door that is asked and answers in JSON."""

    def door(asked: Question) -> Told:
        answer = asked.http(path, body(asked))
        return Told(answer.headers["x-pointsman-version"], rows_of(answer.body))

    return door


def by_binary(*, given: bool, wanted: bool) -> Callable[[Question], Told]:
    """Return the door of the Open Inference Protocol with binary tensors in, out or both."""

    def door(asked: Question) -> Told:
        raw = asked.rows.tobytes() if given else b""
        body = oip_body(asked)
        if given:
            body["inputs"] = [{**asked.tensor, "parameters": {"binary_data_size": len(raw)}}]
        body["parameters"] = {"binary_data_output": wanted}
        text = msgspec.json.encode(body)
        lengths = {"inference_header_content_length": str(len(text))} if given else {}
        answer = asked.http("/v2/models/{model}/infer", text + raw, **lengths)
        version = answer.headers["x-pointsman-version"]
        if not wanted:
            return Told(version, rows_of(answer.body))
        at = int(answer.headers["inference-header-content-length"])
        [output] = msgspec.json.decode(answer.body[:at])["outputs"]
        assert output["parameters"]["binary_data_size"] == len(answer.body) - at
        return Told(version, np.frombuffer(answer.body[at:], np.float32).reshape(output["shape"]))

    return door


def raw_body(asked: Question) -> Told:
    """Ask with a body that is the tensor, without any JSON."""
    length = {"inference_header_content_length": "0"}
    answer = asked.http("/v2/models/{model}/infer", asked.rows.tobytes(), **length)
    return Told(answer.headers["x-pointsman-version"], rows_of(answer.body))


# --- gRPC -----------------------------------------------------------------------------------------------


def _oip_request(asked: Question, *, is_typed: bool) -> oip.ModelInferRequest:
    tensor = asked.tensor
    if is_typed:
        tensor["contents"] = {"fp32_contents": asked.rows.ravel().tolist()}
    request = oip.ModelInferRequest(model_name=asked.model, inputs=[tensor])
    request.parameters["binary_data_output"].bool_param = not is_typed
    if not is_typed:
        request.raw_input_contents.append(asked.rows.tobytes())
    return request


def _oip_told(answer: oip.ModelInferResponse) -> Told:
    [output] = answer.outputs
    flat = (
        np.frombuffer(answer.raw_output_contents[0], np.float32)
        if answer.raw_output_contents
        else np.array(output.contents.fp32_contents, np.float32)
    )
    return Told(answer.model_version, flat.reshape(tuple(output.shape)))


def oip_typed(asked: Question) -> Told:
    return _oip_told(asked.grpc(OIP, "ModelInfer", _oip_request(asked, is_typed=True)))


def oip_raw(asked: Question) -> Told:
    return _oip_told(asked.grpc(OIP, "ModelInfer", _oip_request(asked, is_typed=False)))


def oip_stream(asked: Question) -> Told:
    [answer] = asked.grpc(OIP, "ModelStreamInfer", iter([_oip_request(asked, is_typed=False)]))
    assert not answer.error_message, answer
    return _oip_told(answer.infer_response)


def _tfs(asked: Question, **elements: Any) -> Told:
    dims = [tf.TensorShapeProto.Dim(size=size) for size in asked.rows.shape]
    tensor = tf.TensorProto(dtype=tf.DT_FLOAT, tensor_shape=tf.TensorShapeProto(dim=dims), **elements)
    request = tfs.PredictRequest(model_spec={"name": asked.model}, inputs={"x": tensor})
    answer = asked.grpc(TFS, "Predict", request)
    output = answer.outputs["y"]
    shape = [dim.size for dim in output.tensor_shape.dim]
    return Told(str(answer.model_spec.version.value), np.array(output.float_val, np.float32).reshape(shape))


def tfs_values(asked: Question) -> Told:
    return _tfs(asked, float_val=asked.rows.ravel().tolist())


def tfs_content(asked: Question) -> Told:
    return _tfs(asked, tensor_content=asked.rows.tobytes())


def _own_request(asked: Question) -> pb.InferenceRequest:
    tensor = tensor_to_pb("x", asked.rows)
    assert not isinstance(tensor, Failure)
    return pb.InferenceRequest(model=asked.model, tensors=pb.Tensors(tensors=[tensor]))


def _own_told(answer: pb.InferenceResponse) -> Told:
    assert not answer.HasField("error"), answer
    array = array_from_pb(answer.outputs.tensors[0])
    assert not isinstance(array, Failure)
    return Told(answer.version, array)


def own_infer(asked: Question) -> Told:
    return _own_told(asked.grpc(OWN, "Infer", _own_request(asked)))


def own_json(asked: Question) -> Told:
    request = pb.InferenceRequest(model=asked.model, json=msgspec.json.encode(rows_body(asked)))
    return _own_told(asked.grpc(OWN, "Infer", request))


def own_stream(asked: Question) -> Told:
    [answer] = asked.grpc(OWN, "Stream", iter([_own_request(asked)]))
    return _own_told(answer)


def own_many(asked: Question) -> Told:
    targets = [{"model": asked.model}]
    request = gateway_pb2.InferManyRequest(request=_own_request(asked), targets=targets)
    [answer] = asked.grpc(OWN, "InferMany", request)
    return _own_told(answer)


DOORS: Final[Mapping[str, Callable[[Question], Told]]] = {
    "HTTP, OIP, flat": by_json("/v2/models/{model}/infer", oip_body),
    "HTTP, OIP, nested": by_json("/v2/models/{model}/infer", nested_body),
    "HTTP, OIP, binary to JSON": by_binary(given=True, wanted=False),
    "HTTP, OIP, JSON to binary": by_binary(given=False, wanted=True),
    "HTTP, OIP, binary": by_binary(given=True, wanted=True),
    "HTTP, OIP, no JSON": raw_body,
    "HTTP, TFS, rows": by_json("/v1/models/{model}:predict", rows_body),
    "HTTP, TFS, columns": by_json("/v1/models/{model}:predict", inputs_body),
    "HTTP, TFS, columns by name": by_json("/v1/models/{model}:predict", named_inputs_body),
    "HTTP, Cluster Serving": by_json("/v1/models/{model}:predict", named_rows_body),
    "gRPC, OIP, typed": oip_typed,
    "gRPC, OIP, raw": oip_raw,
    "gRPC, OIP, stream": oip_stream,
    "gRPC, TFS, values": tfs_values,
    "gRPC, TFS, content": tfs_content,
    "gRPC, own, Infer": own_infer,
    "gRPC, own, Infer with JSON": own_json,
    "gRPC, own, Stream": own_stream,
    "gRPC, own, InferMany": own_many,
}
