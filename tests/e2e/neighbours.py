"""Bad requests to the doors of a stack, each with a good one beside it; what went wrong is a text.

A bad request may get any answer that blames it, and must get one in time. The good one must get its own rows;
where the gateway is too busy and says so it is sent again.
"""

from __future__ import annotations

import http
import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import grpc
import msgspec
import numpy as np

from pointsman.errors import Failure
from pointsman.localstack.stack import Stack
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.tensors import array_from_pb, tensor_to_pb
from tests.fuzz import grpc_requests, http_requests
from tests.unit.gateway.grpc.doors import OWN

WIDTH: Final = 4
# What nobody may wait longer for; a hang ends there.
WITHIN_S: Final = 20
BLAMES: Final = frozenset(
    {
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "OUT_OF_RANGE",
        "FAILED_PRECONDITION",
        "RESOURCE_EXHAUSTED",
        "UNIMPLEMENTED",
    }
)
# Our own service has a time-out in the message, which damage may make a short one.
TIMED: Final = frozenset({"Infer", "InferMany"})
LEAVE: Final = 25  # so many bad requests on average to one whose sender leaves
Told: TypeAlias = tuple[int, bytes]


class Tally:
    """What became of the bad requests, by status or code, and what went wrong. Threads share it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answers: Counter[str] = Counter()
        self.faults: list[str] = []
        self.pairs = self.sent_bytes = self.again = 0

    def wait_a_little(self) -> None:
        """Note that a good request is sent again, and when."""
        with self.lock:
            self.again += 1
        threading.Event().wait(0.05)

    @property
    def text(self) -> str:
        """What became of all."""
        return (
            f"{self.pairs} bad requests of {self.sent_bytes / 2**20:.0f} MiB: {dict(self.answers)}; "
            f"{len(self.faults)} pairs with a fault; good ones sent again as told: {self.again}"
        )

    def note(self, answer: str, size: int, fault: str = "") -> None:
        """Note a pair."""
        with self.lock:
            self.pairs += 1
            self.answers[answer] += 1
            self.sent_bytes += size
            if fault:
                self.faults.append(fault)


class OverHttp:
    """Two connections: one for the bad, one for the good. Not for several threads."""

    def __init__(self, stack: Stack, tally: Tally) -> None:
        address = stack.record.http.removeprefix("http://")
        self._bad, self._good = (http.client.HTTPConnection(address, timeout=WITHIN_S) for _ in range(2))
        self._tally = tally

    def pair(self, chance: random.Random, model: str, good_model: str) -> None:
        """Send a bad request, and while it is under way a good one."""
        bad = http_requests.bad(chance, model, WIDTH)
        leaves, number = chance.randrange(LEAVE) == 0, float(chance.randrange(1000))
        try:
            _send(self._bad, bad)
            good = self._asked(http_requests.good(good_model, WIDTH, number))
            if leaves:
                self._bad.close()
                status, body = 0, b""
            else:
                status, body = _received(self._bad)
        except (OSError, http.client.HTTPException) as error:
            self._bad.close()
            self._good.close()
            self._tally.note("none", len(bad.body), f"{error!r} for {_shown(bad)}")
            return
        fault = f"the neighbour of {_shown(bad)} got {good!r}" if good != [number] * WIDTH else ""
        if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR or (status >= 400 and not _reason(body)):
            fault += f"{status} {body[:300]!r} for {_shown(bad)}"
        self._tally.note(str(status or "left"), len(bad.body), fault)

    def close(self) -> None:
        """End both connections."""
        self._bad.close()
        self._good.close()

    def _asked(self, good: http_requests.HttpRequest) -> Any:
        while True:
            _send(self._good, good)
            status, body = _received(self._good)
            if status != http.HTTPStatus.TOO_MANY_REQUESTS:
                break
            self._tally.wait_a_little()
        return msgspec.json.decode(body)["outputs"][0]["data"] if status == http.HTTPStatus.OK else body


class OverGrpc:
    """Calls on one channel, which threads share."""

    def __init__(self, channel: Any, tally: Tally) -> None:
        self._channel = channel
        self._tally = tally

    def pair(self, chance: random.Random, model: str, good_model: str) -> None:
        """Send a bad message, and while it is under way a good one."""
        bad = grpc_requests.bad(chance, model, WIDTH)
        number, begun = float(chance.randrange(1000)), time.monotonic()
        under_way = self._begun(bad)
        good = self._asked(good_model, number)
        if chance.randrange(LEAVE) == 0:
            under_way.cancel()
        codes, said = self._told(bad, under_way)
        fault = f"the neighbour of {bad} got {good!r}" if good != [number] * WIDTH else ""
        allowed = BLAMES | {"CANCELLED"} | ({"DEADLINE_EXCEEDED"} if bad.method in TIMED else set())
        if not codes <= allowed or time.monotonic() - begun > WITHIN_S:
            fault += f"{codes} {said!r} for {bad}"
        self._tally.note(",".join(sorted(codes)) or "OK", len(bad.message), fault)

    def stream(self, chance: random.Random, model: str, good_model: str) -> None:
        """Send a bad message between two good ones of one stream: their answers are in their places."""
        bad = next(one for one in _drawn(chance, model) if one.method == "Infer")
        number = float(chance.randrange(1000))
        messages = (_own(good_model, number), bad.message, _own(good_model, number + 1))
        call = self._channel.stream_stream(f"/{OWN}/Stream")
        try:
            answers = [pb.InferenceResponse.FromString(one) for one in call(iter(messages), timeout=WITHIN_S)]
        except grpc.RpcError as error:
            self._tally.note(error.code().name, len(bad.message), f"{error} for a stream with {bad}")
            return
        codes = [answer.error.code for answer in answers]
        fault = ""
        if len(answers) != 3 or not {codes[1]} <= BLAMES | {"", "DEADLINE_EXCEEDED"}:
            fault = f"{answers} for a stream with {bad}"
        elif "RESOURCE_EXHAUSTED" in (codes[0], codes[2]):
            self._tally.wait_a_little()
        elif [_rows(answers[0]), _rows(answers[2])] != [[number] * WIDTH, [number + 1] * WIDTH]:
            fault = f"the neighbours of {bad} got {answers[0]} and {answers[2]}"
        self._tally.note(codes[1] or "OK", len(bad.message), fault)

    def _begun(self, asked: grpc_requests.GrpcRequest) -> Any:
        if asked.method == "InferMany":
            return self._channel.unary_stream(asked.path)(asked.message, timeout=WITHIN_S)
        return self._channel.unary_unary(asked.path).future(asked.message, timeout=WITHIN_S)

    def _told(self, asked: grpc_requests.GrpcRequest, call: Any) -> tuple[set[str], str]:
        try:
            if asked.method != "InferMany":
                call.result()
                return set(), ""
            errors = [pb.InferenceResponse.FromString(one).error for one in call]
        except grpc.FutureCancelledError:
            return {"CANCELLED"}, ""
        except grpc.RpcError as error:
            return {error.code().name}, str(error.details())
        return {error.code for error in errors if error.code}, "".join(error.message for error in errors)

    def _asked(self, model: str, number: float) -> Any:
        good = grpc_requests.good(model, WIDTH, number)
        while True:
            try:
                raw = self._channel.unary_unary(good.path)(good.message, timeout=WITHIN_S)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    return error
                self._tally.wait_a_little()
            else:
                answer = oip.ModelInferResponse.FromString(raw)
                return np.frombuffer(answer.raw_output_contents[0], np.float32).tolist()


Pair: TypeAlias = Callable[[random.Random, str, str], None]


def _drawn(chance: random.Random, model: str) -> Iterator[grpc_requests.GrpcRequest]:
    while True:
        yield grpc_requests.bad(chance, model, WIDTH)


def _send(connection: http.client.HTTPConnection, request: http_requests.HttpRequest) -> None:
    connection.request("POST", request.path, request.body, request.headers)


def _received(connection: http.client.HTTPConnection) -> Told:
    response = connection.getresponse()
    return response.status, response.read()


def _reason(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["error"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        return ""


def _shown(bad: http_requests.HttpRequest) -> str:
    headers = {name: text[:40] for name, text in bad.headers.items()}
    return f"{bad.path} {headers} {len(bad.body)} bytes {bad.body[:300]!r}"


def _own(model: str, number: float) -> bytes:
    tensor = tensor_to_pb("x", np.full((1, WIDTH), number, np.float32))
    assert not isinstance(tensor, Failure)
    return pb.InferenceRequest(model=model, tensors=pb.Tensors(tensors=[tensor])).SerializeToString()


def _rows(answer: pb.InferenceResponse) -> Any:
    array = array_from_pb(answer.outputs.tensors[0]) if answer.outputs.tensors else answer.error
    return array.ravel().tolist() if isinstance(array, np.ndarray) else array
