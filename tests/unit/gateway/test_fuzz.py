"""The doors against requests that were good once: each is answered, and none with a fault of ours.

The same requests go to gateways of a real stack in tests/e2e/test_fuzz.py. Here a plane reads them as a pod
does, and there is no network between.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Final

import grpc
import msgspec
import pytest

from pointsman.core.signature import check_item
from pointsman.core.tensor import Signature
from pointsman.errors import Failure
from pointsman.gateway.call import Call
from pointsman.http.app import Request
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.pb.v1 import serving_pb2
from pointsman.wire.decode import decode_work
from pointsman.wire.response import error_to_pb
from pointsman.wire.task import Work
from pointsman.wire.tensors import tensor_to_pb
from tests.fuzz import grpc_requests, http_requests
from tests.unit.gateway.grpc.doors import CATALOGUE, served, within
from tests.unit.gateway.scene import SIGNATURE, Scene

WIDTH: Final = 2
CASES: Final = 400
FAULTS_OF_OURS: Final = frozenset({"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS"})


class PodPlane:
    """Reads a request as a pod does, and answers with its first input as `y`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """See Plane."""
        self.calls.append(call)
        outputs = outputs_of(call, SIGNATURE)
        if isinstance(outputs, Failure):
            return pb.InferenceResponse(model=call.model, error=error_to_pb(outputs))
        tensors = pb.Tensors(tensors=outputs)
        return pb.InferenceResponse(
            model=call.model, version="1", arm="1", epoch=1, decision_id="d", outputs=tensors
        )


def outputs_of(call: Call, signature: Signature) -> Sequence[pb.Tensor] | Failure:
    request = pb.InferenceRequest(model=call.model, parameters=call.parameters)
    if call.json:
        request.json = call.json
    else:
        request.tensors.tensors.extend(call.tensors)
    # As it travels, so that what cannot travel fails here.
    came = pb.InferenceRequest.FromString(request.SerializeToString())
    item = decode_work(Work(serving_pb2.Task(), came, b"", None, 0), signature, ())
    failure = item if isinstance(item, Failure) else check_item(signature, item)
    if failure is not None:
        return failure
    assert not isinstance(item, Failure)
    output = tensor_to_pb("y", next(iter(item.values())))
    assert not isinstance(output, Failure)
    return [output]


@pytest.mark.parametrize("seed", range(3))
def test_no_http_request_is_answered_with_a_fault_of_ours(seed: int) -> None:
    plane = PodPlane()
    site = Scene(plane=plane).site

    async def story() -> None:
        chance, refused = random.Random(seed), 0
        for _ in range(CASES):
            asked = http_requests.bad(chance, "m", WIDTH)
            names = {name.lower(): value for name, value in asked.headers.items()}
            response = await site(Request("POST", asked.path, asked.body, names))
            case = (response, asked.path, asked.body[:500], asked.headers)
            assert response.status < 500, case
            if response.status != 200:
                assert msgspec.json.decode(response.body)["error"], case
                assert len(response.body) < 3_000, case
                refused += 1
        assert refused > CASES / 2, "most are bad"
        assert len(plane.calls) > CASES / 20, "some are for the pod to judge"

    within(story(), 60)


@pytest.mark.parametrize("seed", range(3))
def test_no_grpc_message_is_answered_with_a_fault_of_ours(seed: int) -> None:
    async def story() -> None:
        chance, refused = random.Random(seed), 0
        async with served(PodPlane(), CATALOGUE) as (_, client):  # type: ignore[arg-type]
            for _ in range(CASES):
                asked = grpc_requests.bad(chance, "m", WIDTH)
                codes, details = await told(client.channel, asked)
                assert codes.isdisjoint(FAULTS_OF_OURS), (asked, details)
                refused += bool(codes)
        assert refused > CASES / 3, "many are bad"

    within(story(), 60)


async def told(channel: Any, asked: grpc_requests.GrpcRequest) -> tuple[set[str], str]:
    """Return the codes of the errors that a message is answered with, and what is said."""
    try:
        if asked.method != "InferMany":
            await channel.unary_unary(asked.path)(asked.message, timeout=10)
            return set(), ""
        answers = [one async for one in channel.unary_stream(asked.path)(asked.message, timeout=10)]
    except grpc.aio.AioRpcError as error:
        return {error.code().name}, str(error.details())
    errors = [pb.InferenceResponse.FromString(answer).error for answer in answers]
    return {error.code for error in errors if error.code}, "".join(error.message for error in errors)
