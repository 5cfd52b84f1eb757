"""A version's signature in TensorFlow Serving's form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pointsman.core.tensor import Signature, TensorSpec

DATA_TYPES: Final[Mapping[str, str]] = {
    "BOOL": "DT_BOOL",
    "UINT8": "DT_UINT8",
    "UINT16": "DT_UINT16",
    "UINT32": "DT_UINT32",
    "UINT64": "DT_UINT64",
    "INT8": "DT_INT8",
    "INT16": "DT_INT16",
    "INT32": "DT_INT32",
    "INT64": "DT_INT64",
    "FP16": "DT_HALF",
    "FP32": "DT_FLOAT",
    "FP64": "DT_DOUBLE",
    "BYTES": "DT_STRING",
}
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
