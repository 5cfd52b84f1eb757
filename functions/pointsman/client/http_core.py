"""The HTTP clients without their sockets: requests are built and answers read here, for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from pointsman.client.about import Health, Metadata, ModelVersion, metadata_from, models_from
from pointsman.client.ask import Ask
from pointsman.client.core import Core, Question
from pointsman.client.headers import bearer_of, headers_of, timeout_of
from pointsman.client.http_answer import HttpAnswer, oip_prediction, setback_of, tfs_prediction
from pointsman.client.insistence import Setback
from pointsman.client.prediction import Inputs, Prediction, json_of, tensors_of
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


HttpQuestion: TypeAlias = Question[HttpRequest, HttpAnswer, T]
_Reader: TypeAlias = Callable[[HttpAnswer, Ask], Prediction | Setback]


class HttpCore(Core[HttpRequest, HttpAnswer]):
    """Conversations over HTTP; see Core."""

    def __init__(
        self, key: str, retries: int, clock: Callable[[], float], chance: Callable[[], float]
    ) -> None:
        super().__init__(retries, clock, chance)
        self._headers = {**_UNPACKED, **bearer_of(key)}

    def _inference(self, ask: Ask) -> HttpQuestion[Prediction]:
        request, read = _written(ask)
        request = request._replace(headers=request.headers | self._headers | headers_of(ask))

        def attempt(left: float) -> HttpRequest:
            return request._replace(headers=request.headers | timeout_of(left))

        return Question(attempt, lambda answer: read(answer, ask))

    def _index(self) -> HttpQuestion[list[ModelVersion]]:
        request = HttpRequest("POST", "/v2/repository/index", {**self._headers, **_JSON}, b"{}")
        return Question(lambda _: request, lambda answer: _read(answer, models_from))

    def _metadata(self, model: str, version: str) -> HttpQuestion[Metadata]:
        request = HttpRequest("GET", f"/v2/{_place(model, version)}", self._headers)
        return Question(lambda _: request, lambda answer: _read(answer, metadata_from))

    def _readiness(self, model: str, version: str) -> HttpQuestion[bool]:
        request = HttpRequest("GET", f"/v2/{_place(model, version)}/ready", self._headers)
        return Question(lambda _: request, _is_ready)

    def _health(self) -> HttpQuestion[Health]:
        request = HttpRequest("GET", "/v2/health/ready", self._headers)
        return Question(lambda _: request, _health)


def _read(answer: HttpAnswer, read: Callable[[bytes], T]) -> T | Setback:
    return read(answer.body) if answer.status == 200 else setback_of(answer)


def _place(model: str, version: str) -> str:
    return f"models/{model}/versions/{version}" if version else f"models/{model}"


def _written(ask: Ask) -> tuple[HttpRequest, _Reader]:
    """Return the request without the headers that all have, and how its answer is read."""
    tensors = tensors_of(ask.inputs)
    place = _place(ask.model, ask.version)
    if tensors is not None:
        body, length = write_ask(tensors)
        headers = {**_BINARY, HEADER: str(length)}
        return HttpRequest("POST", f"/v2/{place}/infer", headers, body), oip_prediction
    said = _object(ask.inputs)
    if "inputs" in said:
        return HttpRequest("POST", f"/v2/{place}/infer", _JSON, json_of(said)), oip_prediction
    return HttpRequest("POST", f"/v1/{place}:predict", _JSON, json_of(said)), tfs_prediction


def _object(inputs: Inputs) -> dict[str, Any]:
    body = {"instances": inputs} if isinstance(inputs, list) else inputs
    if isinstance(body, dict) and ("inputs" in body or "instances" in body):
        return body
    message = (
        "inputs: over HTTP they are arrays, or a JSON body with `inputs` or `instances`; records of your own"
        " form go through Kafka"
    )
    raise Refused(Failure(INVALID_ARGUMENT, message, "inputs"))


def _is_ready(answer: HttpAnswer) -> bool | Setback:
    if answer.status == 200:
        return True
    return False if answer.status in (400, 404, 503) else setback_of(answer)


def _health(answer: HttpAnswer) -> Health | Setback:
    if answer.status in (200, 400, 503):
        return Health(live=True, ready=answer.status == 200)
    return setback_of(answer)
