"""The Open Inference Protocol's own clients, HTTP and gRPC: `... HTTP-HOST:PORT GRPC-HOST:PORT`."""

import asyncio
import sys

import grpc
import numpy as np
from open_inference.grpc import protocol
from open_inference.grpc.service import GRPCInferenceServiceStub
from open_inference.openapi.client import AsyncOpenInferenceClient, InferenceRequest, OpenInferenceClient
from open_inference.openapi.core.api_error import ApiError
from open_inference.openapi.errors import BadRequestError, NotFoundError

http_at, grpc_at = sys.argv[1:]
ROWS = np.array([[0.1, 2, 3, 4], [-5, 0.6, 1e-30, 3e38]], np.float32) / np.float32(3)
# What this client, which makes a floating-point number of every number, can say exactly.
NESTED = {
    "FP32": ROWS.tolist(),
    "FP64": [[0.1, -1e300]],
    "INT64": [[2**53 - 1, 1 - 2**53]],
    "UINT8": [[0, 255]],
    "BYTES": [["", "café\0"]],
}


def request(datatype="FP32", data=None, name="x", **fields):
    """Return a request of one input with nested data."""
    data = ROWS.tolist() if data is None else data
    shape = [len(data), len(data[0])]
    given = {"name": name, "shape": shape, "datatype": datatype, "data": data}
    return InferenceRequest(inputs=[given], **fields)


def rows_of(output):
    """Return an output's elements in its shape."""
    return np.array(output.data.dict()["__root__"], np.float32).reshape(output.shape)


def over_rest():
    """All calls of the client, and what it raises."""
    client = OpenInferenceClient(base_url=f"http://{http_at}")
    client.check_server_liveness()
    client.check_server_readiness()
    client.check_model_readiness("double")
    client.check_model_version_readiness("double", "1")
    assert client.read_server_metadata().name == "pointsman"
    for about in (client.read_model_metadata("double"), client.read_model_version_metadata("double", "1")):
        assert (about.name, about.versions, about.inputs[0].name) == ("double", ["1"], "x"), about
        assert (about.inputs[0].datatype, about.inputs[0].shape) == ("FP32", [-1, 4]), about
    asked = request(id="mine", outputs=[{"name": "y"}])
    for answer in (
        client.model_infer("double", request=asked),
        client.model_version_infer("double", "1", request=asked),
    ):
        assert (answer.model_name, answer.model_version, answer.id) == ("double", "1", "mine"), answer
        assert np.array_equal(rows_of(answer.outputs[0]), ROWS * np.float32(2)), answer
    for datatype, data in NESTED.items():
        [output] = client.model_infer("echo", request=request(datatype, data)).outputs
        flat = [value for row in data for value in row]
        assert (output.datatype, output.data.dict()["__root__"]) == (datatype, flat), output
    refusals = (
        (BadRequestError, lambda: client.model_infer("double", request=request(data=[[1.0] * 5]))),
        (NotFoundError, lambda: client.check_model_readiness("nobody")),
        (ApiError, lambda: client.read_model_metadata("nobody")),
        (ApiError, lambda: client.model_version_infer("double", "77", request=asked)),
    )
    for kind, ask in refusals:
        try:
            ask()
        except kind as error:
            assert "error" in error.body, error
        else:
            raise AssertionError("answered")


async def over_asynchronous_rest():
    """Several requests at once."""
    client = AsyncOpenInferenceClient(base_url=f"http://{http_at}")
    await client.check_server_readiness()
    asked = [request(data=(ROWS / (number + 1)).tolist()) for number in range(20)]
    answers = await asyncio.gather(*(client.model_infer("double", request=one) for one in asked))
    for number, answer in enumerate(answers):
        assert np.array_equal(rows_of(answer.outputs[0]), ROWS / (number + 1) * np.float32(2)), answer


def over_grpc():
    """All calls of the service, elements typed and raw."""
    with grpc.insecure_channel(grpc_at) as channel:
        stub = GRPCInferenceServiceStub(channel)
        assert stub.ServerLive(protocol.ServerLiveRequest()).live
        assert stub.ServerReady(protocol.ServerReadyRequest()).ready
        assert stub.ModelReady(protocol.ModelReadyRequest(name="double", version="1")).ready
        assert not stub.ModelReady(protocol.ModelReadyRequest(name="nobody")).ready
        assert stub.ServerMetadata(protocol.ServerMetadataRequest()).name == "pointsman"
        about = stub.ModelMetadata(protocol.ModelMetadataRequest(name="double"))
        assert (about.inputs[0].name, list(about.inputs[0].shape)) == ("x", [-1, 4]), about
        given = {"name": "x", "datatype": "FP32", "shape": ROWS.shape}
        typed = {**given, "contents": {"fp32_contents": ROWS.ravel().tolist()}}
        as_typed = protocol.ModelInferRequest(model_name="double", id="mine", inputs=[typed])
        as_raw = protocol.ModelInferRequest(
            model_name="double", id="mine", inputs=[given], raw_input_contents=[ROWS.tobytes()]
        )
        for asked in (as_typed, as_raw):
            answer = stub.ModelInfer(asked)
            array = np.frombuffer(answer.raw_output_contents[0], np.float32).reshape(answer.outputs[0].shape)
            assert (answer.id, answer.model_version) == ("mine", "1"), answer
            assert np.array_equal(array, ROWS * np.float32(2)), answer
        as_raw.model_name = "nobody"
        try:
            stub.ModelInfer(as_raw)
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.NOT_FOUND, error
        else:
            raise AssertionError("answered")


over_rest()
asyncio.run(over_asynchronous_rest())
over_grpc()
print("ok")
