"""A request as any producer would write it."""

from __future__ import annotations

from typing import Any

import numpy as np

from pointsman.errors import Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.tensors import tensor_to_pb


def request(model: str, request_id: str, array: Any, *, tensor: str = "x", **fields: Any) -> bytes:
    """Return a serialised request with one tensor of that name."""
    given = tensor_to_pb(tensor, np.asarray(array))
    assert not isinstance(given, Failure)
    return pb.InferenceRequest(
        id=request_id, model=model, tensors=pb.Tensors(tensors=[given]), **fields
    ).SerializeToString()
