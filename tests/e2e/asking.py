"""Questions over HTTP to the gateways of a stack."""

from __future__ import annotations

import http
import http.client
import threading
from typing import Any, NamedTuple

import msgspec

from pointsman.localstack.stack import Stack


class Answer(NamedTuple):
    """`body` is what the JSON holds; of an answer that is none it is the bytes."""

    status: int
    body: Any
    headers: dict[str, str]


def ask(stack: Stack, method: str, path: str, body: object = None, **headers: str) -> Answer:
    """Return what the gateway says; ask again where it asks for that, as on a busy machine it may."""
    while (
        answer := ask_once(stack, method, path, body, **headers)
    ).status == http.HTTPStatus.TOO_MANY_REQUESTS:
        threading.Event().wait(0.1)
    return answer


def ask_once(stack: Stack, method: str, path: str, body: object = None, **headers: str) -> Answer:
    """Return what the gateway says on a connection of its own. Bytes go as they are, all else as JSON."""
    connection = http.client.HTTPConnection(stack.record.http.removeprefix("http://"), timeout=60)
    try:
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, data, names)
        response = connection.getresponse()
        raw = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        is_json = found.get("content-type", "") == "application/json"
        return Answer(response.status, msgspec.json.decode(raw) if raw and is_json else raw or None, found)
    finally:
        connection.close()
