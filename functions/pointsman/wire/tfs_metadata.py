"""A version's signature in TensorFlow Serving's form."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pointsman.core.tensor import Signature, TensorSpec
from pointsman.pb.tfs import tensor_pb2 as tf
from pointsman.wire.tfs_tensor import DATA_TYPES as NUMBERS

DATA_TYPES: Final = {datatype: tf.DataType.Name(number) for datatype, number in NUMBERS.items()}
_DEFAULT: Final = "serving_default"
_METHOD: Final = "tensorflow/serving/predict"


def metadata_body(model: str, version: str, signature: Signature | None) -> bytes:
    """Return the metadata: one signature named serving_default, none where the version declares none.

    64-bit numbers are texts in this form: the version, and the sizes of dimensions.
    """
    signatures: dict[str, Any] = {}
    if signature is not None:
        signatures[_DEFAULT] = {
            "inputs": _tensors(signature.inputs),
            "outputs": _tensors(signature.outputs),
            "method_name": _METHOD,
        }
    return msgspec.json.encode(
        {
            "model_spec": {"name": model, "signature_name": "", "version": version},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }
    )


def _tensors(specs: tuple[TensorSpec, ...]) -> dict[str, Any]:
    return {
        spec.name: {
            "dtype": DATA_TYPES[spec.datatype],
            "tensor_shape": {
                "dim": [{"size": str(size), "name": ""} for size in spec.shape],
                "unknown_rank": False,
            },
            "name": spec.name,
        }
        for spec in specs
    }
