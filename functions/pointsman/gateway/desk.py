"""What all doors share: who may ask, what models there are, the plane, and the counting."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from pointsman.core.ids import is_name
from pointsman.core.table import RouteTable
from pointsman.errors import INTERNAL, NOT_FOUND, OUT_OF_RANGE, UNAVAILABLE, Failure
from pointsman.gateway.access import Access
from pointsman.gateway.call import Call, Plane
from pointsman.gateway.meter import Meter
from pointsman.gateway.statistics import Statistics, rows_of
from pointsman.gateway.unpacking import Unpacking
from pointsman.gateway.usage import Usage
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_metadata import unknown_model


class Bounds(msgspec.Struct, frozen=True):
    """The most bytes of a body, and of the JSON in it: to read that stops everybody else for its time."""

    body: int = 64 << 20
    json: int = 4 << 20

    def too_long(self, size: int) -> Failure | None:
        """Return why so many bytes of JSON are not read, if they are not."""
        if size <= self.json:
            return None
        remedy = "send binary tensors"
        return Failure(OUT_OF_RANGE, f"JSON has at most {self.json} bytes here, this has {size}: {remedy}")


class Desk:
    """Takes a call with the key that came with it, and returns its answer, or why there is none.

    `knows_all` says whether what is not in the catalogue does not exist. `clock` is monotonic, `now` is Unix
    time, both in seconds.
    """

    def __init__(
        self,
        plane: Plane,
        catalogue: Mapping[str, RouteTable],
        access: Access,
        statistics: Statistics | None = None,
        bounds: Bounds | None = None,
        knows_all: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.catalogue = catalogue
        self.bounds = bounds or Bounds()
        self.unpacking = Unpacking(self.bounds.body)
        self._knows_all = knows_all
        self.access = access
        self.usage = Usage(catalogue.__contains__)
        self.statistics = statistics or Statistics()
        self._plane = plane
        self.meter = Meter(catalogue, clock)
        self._clock = clock
        self._now = now

    async def infer(self, call: Call, token: str | None) -> tuple[Call, pb.InferenceResponse | Failure]:
        """Return the call under its key's name, for `count`, and the answer: a failure where it is an error.

        Never raises but for cancellation.
        """
        permit = self.access.admit(token, call.model)
        if isinstance(permit, Failure):
            return call, permit
        with permit:
            if permit.key:
                call = msgspec.structs.replace(call, key=permit.key)
            if (missing := self.unknown(call.model)) is not None:
                return call, missing
            began = self._clock()
            response = await self._plane.infer(call)
            self._record(call, response, began)
        if response.HasField("error"):
            return call, Failure(response.error.code, response.error.message, response.error.field)
        return call, response

    def refusal(self, token: str | None, model: str) -> Failure | None:
        """Return why a request to a model will not be answered, as far as that is known without its body."""
        return self.access.check(token, model) or self.unknown(model)

    def unknown(self, model: str) -> Failure | None:
        """Return the failure of a request to a model that is not registered; None where it is.

        Asked here it costs nothing; the router would say the same.
        """
        if model in self.catalogue:
            return None
        if not self._knows_all():
            return Failure(UNAVAILABLE, "the gateway does not know yet which models there are")
        if is_name(model):
            return unknown_model(model)
        said = "Request for unknown model: the name is none that a model can have"
        return Failure(NOT_FOUND, said, "model")

    def _record(self, call: Call, response: pb.InferenceResponse, began: float) -> None:
        took = max(0.0, self._clock() - began)
        # An error without a code is still one.
        code = response.error.code or INTERNAL if response.HasField("error") else ""
        self.meter.note(call.model, response.version or call.version, took, code)
        table = self.catalogue.get(call.model)
        if table is not None and response.version in table.versions:  # of other names there is no end
            self.statistics.record(call.model, response, round(took * 1e9), round(self._now() * 1000))

    def count(
        self, call: Call, answer: pb.InferenceResponse | Failure, bytes_in: int, bytes_out: int
    ) -> None:
        """Note what a call came to."""
        if isinstance(answer, Failure):
            self.usage.count(call.key, call.model, error=answer.code, bytes_in=bytes_in, bytes_out=bytes_out)
            return
        self.usage.count(
            call.key,
            call.model,
            rows=rows_of(answer),
            bytes_in=bytes_in,
            bytes_out=bytes_out,
            compute_us=answer.timings.compute_us,
        )
