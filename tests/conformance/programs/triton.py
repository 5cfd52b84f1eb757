"""Triton's own clients: `triton.py http|grpc HOST:PORT`, and each of their asyncio forms after it."""

import asyncio
import importlib
import sys

import numpy as np

kind, url = sys.argv[1:]
sync = importlib.import_module(f"tritonclient.{kind}")
aio = importlib.import_module(f"tritonclient.{kind}.aio")

ARRAYS = {
    "BOOL": np.array([[True, False]]),
    "UINT8": np.array([[0, 255]], np.uint8),
    "UINT16": np.array([[0, 2**16 - 1]], np.uint16),
    "UINT32": np.array([[0, 2**32 - 1]], np.uint32),
    "UINT64": np.array([[0, 2**64 - 1]], np.uint64),
    "INT8": np.array([[-128, 127]], np.int8),
    "INT16": np.array([[-(2**15), 2**15 - 1]], np.int16),
    "INT32": np.array([[-(2**31), 2**31 - 1]], np.int32),
    "INT64": np.array([[-(2**63), 2**63 - 1]], np.int64),
    "FP16": np.array([[0.5, -2.0]], np.float16),
    "FP32": np.array([[0.5, np.inf]], np.float32),
    "FP64": np.array([[0.1, -1e300]], np.float64),
    "BYTES": np.array([[b"", b"caf\xc3\xa9\x00"]], np.object_),
}


def given(module, name, array, datatype, **options):
    """Return an input with its data."""
    made = module.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, **options)
    return made


def check_all_datatypes(client):
    for datatype, array in ARRAYS.items():
        result = client.infer("echo", [given(sync, "t", array, datatype)], request_id=datatype)
        assert np.array_equal(result.as_numpy("t"), array), (datatype, result.as_numpy("t"))
    several = [given(sync, name, ARRAYS[name], name) for name in ("INT64", "BYTES", "FP32")]
    result = client.infer("echo", several, outputs=[sync.InferRequestedOutput("BYTES")])
    assert np.array_equal(result.as_numpy("BYTES"), ARRAYS["BYTES"])
    assert result.as_numpy("FP32") is None


def check_server(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("double")
    assert client.is_model_ready("double", "1")
    assert not client.is_model_ready("nobody")
    json = {"as_json": True} if kind == "grpc" else {}
    assert client.get_server_metadata(**json)["name"] == "pointsman"
    metadata = client.get_model_metadata("double", **json)
    assert metadata["inputs"][0]["name"] == "x", metadata
    config = client.get_model_config("double", **json)
    config = config.get("config", config)
    assert config["max_batch_size"] == 256, config
    index = client.get_model_repository_index(**json)
    names = [one["name"] for one in (index["models"] if kind == "grpc" else index)]
    assert {"double", "echo"} <= set(names), index
    statistics = client.get_inference_statistics("echo", **json)["model_stats"]
    assert int(statistics[0]["inference_count"]) > 0, statistics


def check_refusals(client):
    row = np.ones((1, 4), np.float32)
    wide = np.ones((1, 5), np.float32)
    for model, array, said in (("nobody", row, "unknown model"), ("double", wide, "x")):
        try:
            client.infer(model, [given(sync, "x", array, "FP32")])
        except importlib.import_module("tritonclient.utils").InferenceServerException as error:
            assert said in str(error), error
        else:
            raise AssertionError(f"{model} answered")
    for act in (lambda: client.load_model("nobody"),):
        try:
            act()
        except importlib.import_module("tritonclient.utils").InferenceServerException as error:
            assert "failed to load" in str(error), error
        else:
            raise AssertionError("loaded")
    client.load_model("double")


def check_double(client):
    row = np.array([[1, 2, 3, 4]], np.float32)
    result = client.infer("double", [given(sync, "x", row, "FP32")], model_version="1", request_id="mine")
    assert np.array_equal(result.as_numpy("y"), 2 * row)
    response = result.get_response()
    assert (response.id if kind == "grpc" else response["id"]) == "mine"
    if kind == "http":
        for binary_in, binary_out in ((False, False), (True, False), (False, True)):
            inputs = [given(sync, "x", row, "FP32", binary_data=binary_in)]
            outputs = [sync.InferRequestedOutput("y", binary_data=binary_out)]
            result = client.infer("double", inputs, outputs=outputs)
            assert np.array_equal(result.as_numpy("y"), 2 * row)
        many = np.ones((600, 4), np.float32)
        for how in ("gzip", "deflate"):
            result = client.infer(
                "double",
                [given(sync, "x", many, "FP32")],
                request_compression_algorithm=how,
                response_compression_algorithm=how,
                query_params={"a": "b"},
            )
            assert np.array_equal(result.as_numpy("y"), 2 * many)
        together = [client.async_infer("double", [given(sync, "x", row * n, "FP32")]) for n in range(20)]
        assert all(
            np.array_equal(one.get_result().as_numpy("y"), 2 * row * n) for n, one in enumerate(together)
        )
    else:
        result = client.infer("double", [given(sync, "x", row, "FP32")], compression_algorithm="gzip")
        assert np.array_equal(result.as_numpy("y"), 2 * row)
        check_stream(client, row)


def check_stream(client, row):
    import queue

    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for number in range(50):
        model = "double" if number != 25 else "nobody"
        client.async_stream_infer(model, [given(sync, "x", row * number, "FP32")], request_id=str(number))
    for number in range(50):
        result, error = answers.get(timeout=30)
        if number == 25:
            assert error is not None
        else:
            assert error is None, error
            assert np.array_equal(result.as_numpy("y"), 2 * row * number), number
    client.stop_stream()


async def check_asynchronous():
    client = aio.InferenceServerClient(url)
    row = np.array([[1, 2, 3, 4]], np.float32)
    assert await client.is_server_ready()
    assert await client.is_model_ready("double")
    results = await asyncio.gather(
        *(client.infer("double", [given(aio, "x", row * n, "FP32")]) for n in range(20))
    )
    assert all(np.array_equal(one.as_numpy("y"), 2 * row * n) for n, one in enumerate(results))
    await client.close()


client = sync.InferenceServerClient(url, **({"concurrency": 8} if kind == "http" else {}))
check_double(client)
check_all_datatypes(client)
check_server(client)
check_refusals(client)
client.close()
asyncio.run(check_asynchronous())
print("ok")
