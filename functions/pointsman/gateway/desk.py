"""What all doors share: who may ask, what models there are, the plane, and the counting."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from pointsman.core.ids import is_name
from pointsman.core.table import RouteTable
from pointsman.errors import NOT_FOUND, Failure
from pointsman.gateway.access import Access
from pointsman.gateway.call import Call, Plane
from pointsman.gateway.statistics import Statistics
from pointsman.gateway.usage import Usage
from pointsman.pb.v1 import inference_pb2 as pb


class Desk:
    """Takes a call with the key that came with it, and returns its answer, or why there is none."""

    def __init__(
        self,
        plane: Plane,
        catalogue: Mapping[str, RouteTable],
        access: Access,
        statistics: Statistics | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.catalogue = catalogue
        self.access = access
        self.usage = Usage(catalogue.__contains__)
        self.statistics = statistics or Statistics()
        self._plane = plane
        self._clock_ns = clock_ns

    async def infer(self, call: Call, token: str | None) -> tuple[Call, pb.InferenceResponse | Failure]:
        """Return the call under its key's name, for `count`, and the answer: a failure where it is an error.

        Never raises but for cancellation.
        """
        permit = self.access.admit(token, call.model)
        if isinstance(permit, Failure):
            return call, permit
        with permit:
            call = msgspec.structs.replace(call, key=permit.key)
            if (missing := self.unknown(call.model)) is not None:
                return call, missing
            began = self._clock_ns()
            response = await self._plane.infer(call)
            self._record(call, response, began)
        if response.HasField("error"):
            return call, Failure(response.error.code, response.error.message, response.error.field)
        return call, response

    def unknown(self, model: str) -> Failure | None:
        """Return the failure of a request to a model that is not registered; None where it is.

        Asked here it costs nothing; the router would say the same.
        """
        if model in self.catalogue:
            return None
        said = f"'{model}' is not found" if is_name(model) else "the name is none that a model can have"
        return Failure(NOT_FOUND, f"Request for unknown model: {said}", "model")

    def _record(self, call: Call, response: pb.InferenceResponse, began_ns: int) -> None:
        table = self.catalogue.get(call.model)
        if table is not None and response.version in table.versions:  # of other names there is no end
            now_ns = self._clock_ns()
            took_ns = max(0, now_ns - began_ns)
            self.statistics.record(call.model, response, took_ns, now_ns // 1_000_000)

    def count(
        self, call: Call, answer: pb.InferenceResponse | Failure, bytes_in: int, bytes_out: int
    ) -> None:
        """Note what a call came to."""
        if isinstance(answer, Failure):
            self.usage.count(call.key, call.model, error=answer.code, bytes_in=bytes_in, bytes_out=bytes_out)
            return
        rows = next((shape[0] for tensor in answer.outputs.tensors if (shape := tensor.shape)), 0)
        self.usage.count(
            call.key,
            call.model,
            rows=rows,
            bytes_in=bytes_in,
            bytes_out=bytes_out,
            compute_us=answer.timings.compute_us,
        )
