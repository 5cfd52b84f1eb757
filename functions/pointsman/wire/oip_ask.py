"""Inference requests of the Open Inference Protocol over REST, as a client writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_response import OipBody


def write_ask(tensors: Sequence[pb.Tensor]) -> OipBody:
    """Return the body that asks for all outputs in binary: JSON, and behind it the bytes of each tensor."""
    text = msgspec.json.encode(
        {"inputs": [_framed(tensor) for tensor in tensors], "parameters": {"binary_data_output": True}}
    )
    return OipBody(b"".join((text, *(tensor.raw for tensor in tensors))), len(text))


def _framed(tensor: pb.Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.shape),
        "parameters": {"binary_data_size": len(tensor.raw)},
    }
