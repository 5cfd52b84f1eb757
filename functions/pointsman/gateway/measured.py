"""A plane whose answers are measured."""

from __future__ import annotations

from collections.abc import Callable

from pointsman.gateway.call import Call, Plane
from pointsman.gateway.meter import Meter
from pointsman.pb.v1 import inference_pb2 as pb


class Measured:
    """Passes calls to a plane and notes what came of them, and when. `clock` is monotonic, in seconds.

    A request counts under the version that answered, else under the one it asked for. One that nobody waits
    for any more has no answer and is not counted.
    """

    def __init__(self, plane: Plane, meter: Meter, clock: Callable[[], float]) -> None:
        self._plane = plane
        self._meter = meter
        self._clock = clock

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """Return the plane's answer."""
        began = self._clock()
        answer = await self._plane.infer(call)
        version = answer.version or call.version
        # An error without a code is still one.
        code = answer.error.code or "INTERNAL" if answer.HasField("error") else ""
        self._meter.note(call.model, version, self._clock() - began, code, answer)
        return answer
