"""Small HTTP questions to processes on this machine."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.localstack.ports import HOST


def get(port: int, path: str, timeout_s: float = 5.0, *, tls: bool = False) -> tuple[int, bytes]:
    """Return status and body; status 0 where nobody answers. With `tls` any certificate will do."""
    return _ask(port, "GET", path, None, timeout_s, tls=tls)


def listens(port: int, timeout_s: float = 5.0) -> bool:
    """Whether somebody takes connections."""
    try:
        socket.create_connection((HOST, port), timeout_s).close()
    except OSError:
        return False
    return True


def post_json(port: int, path: str, value: Mapping[str, Any], timeout_s: float = 30.0) -> tuple[int, bytes]:
    """Send a JSON object; return status and body, status 0 where nobody answers."""
    return _ask(port, "POST", path, msgspec.json.encode(value), timeout_s)


def _ask(
    port: int, method: str, path: str, body: bytes | None, timeout_s: float, *, tls: bool = False
) -> tuple[int, bytes]:
    connection = _connection(port, timeout_s, tls=tls)
    try:
        connection.request(method, path, body, {"content-type": "application/json"} if body else {})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def _connection(port: int, timeout_s: float, *, tls: bool) -> http.client.HTTPConnection:
    if not tls:
        return http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # we started who answers, and its certificate names another host
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(HOST, port, timeout=timeout_s, context=context)


def get_json(port: int, path: str) -> Any:
    """Return the decoded answer, or None where there is none."""
    status, body = get(port, path)
    if status != http.client.OK:
        return None
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
