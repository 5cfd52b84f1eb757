"""What the HTTP doors share: from a request to a call, from an answer to headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import msgspec

from pointsman.client.headers import LABEL, REQUEST_ID, TIMEOUT, TRACEPARENT, UNIT, decision_of
from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, Failure
from pointsman.gateway.access import token_from
from pointsman.gateway.call import Call
from pointsman.gateway.desk import Desk
from pointsman.gateway.http_errors import answer_to, headers_of
from pointsman.http.app import Request, Response
from pointsman.pb.v1 import inference_pb2 as pb

READING: Final = ("GET", "HEAD")
JSON: Final = "application/json"
BINARY: Final = "application/octet-stream"

CODE: Final = "x-pointsman-code"

Headers: TypeAlias = tuple[tuple[str, str], ...]


class Written(NamedTuple):
    """The body of an answer in a door's form."""

    body: bytes
    content_type: str = JSON
    headers: Headers = ()


Write: TypeAlias = Callable[[pb.InferenceResponse], Written | Failure]


def called(request: Request, call: Call) -> Call | Failure:
    """Return the call with what the headers say: sticky unit, label, time-out and trace."""
    said = request.headers
    timeout_ms = timeout_of(request, call.timeout_ms)
    if isinstance(timeout_ms, Failure):
        return timeout_ms
    return msgspec.structs.replace(
        call,
        timeout_ms=timeout_ms,
        unit=said.get(UNIT, ""),
        label=call.label or said.get(LABEL, ""),
        id=call.id or said.get(REQUEST_ID, ""),
        traceparent=said.get(TRACEPARENT, ""),
    )


def timeout_of(request: Request, otherwise: int) -> int | Failure:
    """Return the milliseconds that a request has, by its header."""
    text = request.headers.get(TIMEOUT)
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 10):
        return Failure(INVALID_ARGUMENT, f"{TIMEOUT} must be a whole number of milliseconds", TIMEOUT)
    return int(text)


def as_it_is(failure: Failure) -> Failure:
    """Say a failure in no other words."""
    return failure


async def opened(desk: Desk, request: Request, model: str) -> bytes | Failure:
    """Return the body of a request to a model, unpacked, once its key and the model are known to be good.

    Nothing of a stranger's body is looked at.
    """
    failure = desk.refusal(token_from(request.headers), model)
    if failure is not None:
        desk.count(Call(model=model), failure, len(request.body), 0)
        return failure
    return await desk.unpacking.body_of(request)


async def answered(
    desk: Desk,
    request: Request,
    call: Call | Failure,
    write: Write,
    say: Callable[[Failure], Failure] = as_it_is,
) -> Response:
    """Return the answer to a call; whatever goes wrong is an answer too, in the words of `say`."""
    if isinstance(call, Failure):
        return refused(call)
    call, answer = await desk.infer(call, token_from(request.headers))
    written = answer if isinstance(answer, Failure) else write(answer)
    if isinstance(written, Failure):
        response = refused(say(written), _id_of(call))
        desk.count(call, written, len(request.body), len(response.body))
        return response
    assert not isinstance(answer, Failure)
    desk.count(call, answer, len(request.body), len(written.body))
    headers = (*_id_of(call), *decision_of(answer), *written.headers)
    return Response(written.body, 200, written.content_type, headers)


def refused(failure: Failure, headers: Headers = ()) -> Response:
    """Return the answer that says why there is no other: an object with `error`."""
    status, more = answer_to(failure)
    codes = ((CODE, failure.code), *more.items())
    return Response(error_body(failure), status, JSON, (*headers, *codes))


def error_body(failure: Failure) -> bytes:
    """Return the body that all HTTP protocols here share."""
    return msgspec.json.encode({"error": failure.message})


def said(status: int, text: str) -> Response:
    """Return the answer of a connection that has not come to a door."""
    return Response(msgspec.json.encode({"error": text}), status, JSON, tuple(headers_of(status).items()))


def not_allowed(methods: str) -> Response:
    """Return the answer to a method that a path does not know."""
    return Response(msgspec.json.encode({"error": f"send {methods}"}), 405, JSON, (("allow", methods),))


def nothing_at(path: str) -> Response:
    """Return the answer to a path that nothing is at."""
    return refused(Failure(NOT_FOUND, f"there is nothing at {path[:100]}"))


def _id_of(call: Call) -> Headers:
    return ((REQUEST_ID, call.id),) if call.id else ()
