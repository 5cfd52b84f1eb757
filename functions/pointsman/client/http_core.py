"""The HTTP clients without their sockets: requests are built and answers read here, for both."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import msgspec

from pointsman.client.about import Health, Metadata, ModelVersion, metadata_from, models_from
from pointsman.client.ask import Ask, check_name
from pointsman.client.headers import bearer_of, headers_of, timeout_of
from pointsman.client.http_answer import HttpAnswer, oip_prediction, setback_of, tfs_prediction
from pointsman.client.insistence import Done, Insistence, Send, Setback, Talk, Wait
from pointsman.client.prediction import Inputs, Prediction, tensors_of
from pointsman.errors import INVALID_ARGUMENT, Failure, Refused
from pointsman.wire.oip_ask import write_ask
from pointsman.wire.oip_binary import HEADER

T = TypeVar("T")

# Tensors hardly shrink, and packing them takes longer than most networks do.
_UNPACKED: Final = {"accept-encoding": "identity"}
_JSON: Final = {"content-type": "application/json"}
_BINARY: Final = {"content-type": "application/octet-stream"}


class HttpRequest(NamedTuple):
    """A request to be sent as it is; the path is below the server's URL."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


HttpTalk: TypeAlias = Talk[HttpRequest, HttpAnswer, T]
HttpStep: TypeAlias = Send[HttpRequest] | Wait | Done[T]
_Read: TypeAlias = Callable[[HttpAnswer, Ask], Prediction | Setback]


class HttpCore:
    """Conversations with a gateway: each method returns one for a client to have, or raises Refused."""

    def __init__(
        self, key: str, retries: int, clock: Callable[[], float], chance: Callable[[], float]
    ) -> None:
        self._headers = {**_UNPACKED, **bearer_of(key)}
        self._insistence = Insistence(retries, clock, chance)
        self._session = secrets.token_hex(8)
        self._numbers = itertools.count()

    def predict(self, ask: Ask, timeout: float) -> HttpTalk[Prediction]:
        """Return the answer of a model; every attempt has the same id."""
        if ask.label:
            check_name("label", ask.label)
        if not ask.id:
            ask = msgspec.structs.replace(ask, id=f"{self._session}-{next(self._numbers)}")
        request, read = _written(ask)
        request = request._replace(headers=request.headers | self._headers | headers_of(ask))

        def attempt(left: float) -> HttpRequest:
            return request._replace(headers=request.headers | timeout_of(left))

        return self._insistence.talk(ask.model, attempt, lambda answer: read(answer, ask), timeout)

    def models(self, timeout: float) -> HttpTalk[list[ModelVersion]]:
        """Return the versions that the key may see."""
        request = HttpRequest("POST", "/v2/repository/index", {**self._headers, **_JSON}, b"{}")
        return self._asked("the index of models", request, models_from, timeout)

    def metadata(self, model: str, version: str, timeout: float) -> HttpTalk[Metadata]:
        """Return what a model takes and gives."""
        request = HttpRequest("GET", f"/v2/{_place(model, version)}", self._headers)
        return self._asked(model, request, metadata_from, timeout)

    def ready(self, model: str, version: str, timeout: float) -> HttpTalk[bool]:
        """Return whether a model takes requests; False too where it is unknown."""
        request = HttpRequest("GET", f"/v2/{_place(model, version)}/ready", self._headers)
        return self._insistence.talk(model, lambda _: request, _is_ready, timeout, insists=False)

    def health(self, timeout: float) -> HttpTalk[Health]:
        """Return whether the server answers, and has requests answered."""
        request = HttpRequest("GET", "/v2/health/ready", self._headers)
        return self._insistence.talk("the server", lambda _: request, _health, timeout, insists=False)

    def _asked(
        self, what: str, request: HttpRequest, read: Callable[[bytes], T], timeout: float
    ) -> HttpTalk[T]:
        def judged(answer: HttpAnswer) -> T | Setback:
            return read(answer.body) if answer.status == 200 else setback_of(answer)

        return self._insistence.talk(what, lambda _: request, judged, timeout)


def _place(model: str, version: str) -> str:
    check_name("model", model)
    if not version:
        return f"models/{model}"
    check_name("version", version)
    return f"models/{model}/versions/{version}"


def _written(ask: Ask) -> tuple[HttpRequest, _Read]:
    """Return the request without the headers that all have, and how its answer is read."""
    tensors = tensors_of(ask.inputs)
    place = _place(ask.model, ask.version)
    if tensors is not None:
        body, length = write_ask(tensors)
        headers = {**_BINARY, HEADER: str(length)}
        return HttpRequest("POST", f"/v2/{place}/infer", headers, body), oip_prediction
    said = _object(ask.inputs)
    if "inputs" in said:
        return HttpRequest("POST", f"/v2/{place}/infer", _JSON, _encoded(said)), oip_prediction
    return HttpRequest("POST", f"/v1/{place}:predict", _JSON, _encoded(said)), tfs_prediction


def _object(inputs: Inputs) -> dict[str, Any]:
    body = {"instances": inputs} if isinstance(inputs, list) else inputs
    if isinstance(body, dict) and ("inputs" in body or "instances" in body):
        return body
    message = (
        "inputs: over HTTP they are arrays, or a JSON body with `inputs` or `instances`; records of your own"
        " form go through Kafka"
    )
    raise Refused(Failure(INVALID_ARGUMENT, message, "inputs"))


def _encoded(body: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Refused(Failure(INVALID_ARGUMENT, f"inputs: no JSON body: {error}", "inputs")) from error


def _is_ready(answer: HttpAnswer) -> bool | Setback:
    if answer.status == 200:
        return True
    return False if answer.status in (400, 404, 503) else setback_of(answer)


def _health(answer: HttpAnswer) -> Health | Setback:
    if answer.status in (200, 400, 503):
        return Health(live=True, ready=answer.status == 200)
    return setback_of(answer)
