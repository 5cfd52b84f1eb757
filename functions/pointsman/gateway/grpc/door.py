"""What the gRPC doors share: the desk, in the terms of a caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pointsman.core.table import RouteTable
from pointsman.errors import UNAVAILABLE, Failure
from pointsman.gateway.access import token_from
from pointsman.gateway.bearer import Permit
from pointsman.gateway.call import Call
from pointsman.gateway.desk import Desk
from pointsman.gateway.grpc.caller import Caller
from pointsman.gateway.grpc.control import Control, no_control
from pointsman.http.budget import NO_ROOM, Budget, Hold
from pointsman.pb.v1 import inference_pb2 as pb


class Door(msgspec.Struct, kw_only=True):
    """`window` is how many requests of one stream are under way at once; `budget` what all of them hold."""

    desk: Desk
    control: Control = no_control
    window: int = 64
    budget: Budget = msgspec.field(default_factory=Budget)
    is_ready: bool = True

    async def ask(self, call: Call, caller: Caller) -> pb.InferenceResponse | Failure:
        """Return the answer with outputs, or why there is none."""
        hold, received = Hold(self.budget), _bytes_in(call.tensors) + len(call.json)
        if not hold.resize(received):
            return Failure(UNAVAILABLE, NO_ROOM)
        try:
            call, answer = await self.desk.infer(call, token_from(caller.metadata))
        finally:
            hold.release()
        sent = 0
        if not isinstance(answer, Failure):
            caller.tell(answer)
            sent = _bytes_in(answer.outputs.tensors)
        self.desk.count(call, answer, received, sent)
        return answer

    async def command(
        self, kind: str, what: Mapping[str, Any], caller: Caller, models: Iterable[str]
    ) -> Failure | None:
        """Do the command if the caller may have it done to all of these models; return why not."""
        token = token_from(caller.metadata)
        for model in models:
            failure = self.desk.access.check(token, model, control=True)
            if failure is not None:
                return failure
        permit = self.desk.access.admit(token, "", control=True)
        if isinstance(permit, Failure):
            return permit
        with permit:
            return (await self.control({kind: what})).error

    def guard(self, caller: Caller) -> Failure | None:
        """Return why the caller may ask nothing at all, if so."""
        return self.desk.access.check(token_from(caller.metadata), "")

    def refusal(self, caller: Caller, model: str) -> Failure | None:
        """Return why the caller may not ask about a model, if so."""
        return self.desk.access.check(token_from(caller.metadata), model)

    def admit(self, caller: Caller, model: str) -> Permit | Failure:
        """Return what the caller may see, or why nothing. It holds no place among its requests."""
        permit = self.desk.access.admit(token_from(caller.metadata), model)
        if not isinstance(permit, Failure):
            permit.release()
        return permit

    def table(self, model: str, caller: Caller) -> RouteTable | Failure | None:
        """Return the model's table; None where there is no such model."""
        permit = self.admit(caller, model)
        return permit if isinstance(permit, Failure) else self.desk.catalogue.get(model)


def _bytes_in(tensors: Iterable[pb.Tensor]) -> int:
    return sum(len(tensor.raw) for tensor in tensors)
