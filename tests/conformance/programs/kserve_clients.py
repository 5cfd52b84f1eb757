"""KServe's own clients: `kserve_clients.py HTTP-HOST:PORT GRPC-HOST:PORT`."""

import asyncio
import sys

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

http, grpc = sys.argv[1:]
ROW = np.array([[1, 2, 3, 4]], np.float32)


def request(array, binary):
    """Return a request for `double`."""
    given = InferInput("x", list(array.shape), "FP32")
    given.set_data_from_numpy(array, binary_data=binary)
    return InferRequest("double", [given])


async def over_rest():
    """Version 2 with JSON and with binary tensors, and version 1."""
    url = f"http://{http}"
    second = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    assert await second.is_server_live(url)
    assert await second.is_server_ready(url)
    assert await second.is_model_ready(url, "double")
    for binary in (False, True):
        answer = await second.infer(url, request(ROW, binary), model_name="double")
        assert np.array_equal(answer.outputs[0].as_numpy(), 2 * ROW), answer
    first = InferenceRESTClient(RESTConfig(protocol="v1", retries=0))
    assert await first.is_server_live(url)
    assert await first.is_model_ready(url, "double")
    answer = await first.infer(url, {"instances": ROW.tolist()}, model_name="double")
    assert answer == {"predictions": (2 * ROW).tolist()}, answer


async def over_grpc():
    """All calls of the client."""
    client = InferenceGRPCClient(grpc)
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready("double")
    answer = await client.infer(request(ROW, binary=True))
    assert np.array_equal(answer.outputs[0].as_numpy(), 2 * ROW), answer
    await client.close()


asyncio.run(over_rest())
asyncio.run(over_grpc())
print("ok")
