"""min-tfs-client's client of TensorFlow Serving, numpy in and out: `min_tfs.py HOST PORT`."""

import sys

import numpy as np
from min_tfs_client.requests import TensorServingClient
from min_tfs_client.tensors import tensor_proto_to_ndarray

host, port = sys.argv[1:]
client = TensorServingClient(host=host, port=int(port))
rows = np.array([[0.1, 2, 3, 4], [-5, 0.6, 1e-30, 3e37]], np.float32)
for version in (None, 1):
    answer = client.predict_request("double", {"x": rows}, timeout=30, model_version=version)
    assert np.array_equal(tensor_proto_to_ndarray(answer.outputs["y"]), rows * np.float32(2)), answer
arrays = {
    "f": np.array([0.1, -1e300]),
    "i": np.array([2**31 - 1, -(2**31)], np.int32),
    "l": np.array([2**63 - 1, -(2**63)]),
    "b": np.array([True, False]),
    "s": np.array(["a", "bc"]),
}
answer = client.predict_request("echo", arrays, timeout=30)
for name, array in arrays.items():
    assert np.array_equal(tensor_proto_to_ndarray(answer.outputs[name]), array), (name, answer.outputs[name])
print("ok")
