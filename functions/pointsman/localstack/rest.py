"""Small HTTP questions to processes on this machine."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.localstack.ports import HOST


def get(port: int, path: str, timeout_s: float = 5.0) -> tuple[int, bytes]:
    """Return status and body; status 0 where nobody answers."""
    return _ask(port, "GET", path, None, timeout_s)


def post_json(port: int, path: str, value: Mapping[str, Any], timeout_s: float = 30.0) -> tuple[int, bytes]:
    """Send a JSON object; return status and body, status 0 where nobody answers."""
    return _ask(port, "POST", path, msgspec.json.encode(value), timeout_s)


def _ask(port: int, method: str, path: str, body: bytes | None, timeout_s: float) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request(method, path, body, {"content-type": "application/json"} if body else {})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def get_json(port: int, path: str) -> Any:
    """Return the decoded answer, or None where there is none."""
    status, body = get(port, path)
    if status != http.client.OK:
        return None
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
