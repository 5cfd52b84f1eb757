"""One request as every door hands it to the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from pointsman.pb.v1 import inference_pb2 as pb


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: tensors, or `json`, a body in a form of the JSON topics, which the pod decodes.

    `id` is the caller's own, echoed by the door and never used to match answers: callers may share one.
    `timeout_ms` of 0 is the model's own deadline. `key` is who asks, empty where nobody is known.
    """

    model: str
    version: str = ""
    label: str = ""
    id: str = ""
    unit: str = ""
    timeout_ms: int = 0
    tensors: Sequence[pb.Tensor] = ()
    json: bytes = b""
    traceparent: str = ""
    parameters: Mapping[str, str] = {}
    key: str = ""


class Plane(Protocol):
    """Submits a request, returns its final answer."""

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """Return the answer: outputs, or an error; never raises but for cancellation."""
        ...
