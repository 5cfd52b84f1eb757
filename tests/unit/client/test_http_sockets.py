"""The HTTP clients before the gateway's own doors, on real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointsman.client.http import AsyncHttpClient, HttpClient
from pointsman.client.http_line import Verify
from pointsman.errors import ClientError, Failure, Refused, SettingsError, TimedOut
from pointsman.gateway.access import Access
from pointsman.gateway.keyring import Keyring
from pointsman.http.app import Request, Response
from pointsman.http.server import Server
from tests.unit.gateway.keys import key, write
from tests.unit.gateway.scene import Scene
from tests.unit.http.scene import on_a_server
from tests.unit.openssl import issue, joined

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])
ROWS = np.array([[1.5, np.nan], [-0.0, 2.5]], np.float32)
# What asyncio's transports are closed with to send a reset: no lingering.
RESET = struct.pack("ii", 1, 0)


async def asked(kind: str, url: str, act: Callable[[Any], Any], **options: Any) -> Any:
    """Return what `act` returns for a client of this kind."""
    if kind == "async":
        async with AsyncHttpClient(url, **options) as client:
            return await act(client)

    def ask() -> Any:
        with HttpClient(url, **options) as client:
            return act(client)

    return await asyncio.to_thread(ask)


def before(handler: Any, kind: str, act: Callable[[Any], Any], **options: Any) -> Any:
    """Return what a client of this kind gets of a server with this handler."""

    async def scene(_: Server, port: int) -> Any:
        return await asked(kind, f"http://127.0.0.1:{port}", act, verify=False, **options)

    return on_a_server(scene, handler)


@KINDS
def test_the_gateway_understands_all_that_is_asked_and_is_understood(kind: str) -> None:
    scene = Scene()
    prediction = before(
        scene.site,
        kind,
        lambda client: client.predict("m", {"x": ROWS}, label="canary", unit="user 1", id="mine", timeout=9),
    )
    assert prediction.outputs["y"].tobytes() == ROWS.tobytes()
    assert (prediction.id, prediction.version, prediction.arm, prediction.epoch) == ("mine", "v1", "v1", 7)
    assert prediction.decision_id == "d"
    [call] = scene.plane.calls
    assert (call.model, call.label, call.unit, call.id) == ("m", "canary", "user 1", "mine")
    assert 8_000 < call.timeout_ms <= 9_000


@KINDS
def test_the_gateway_says_what_it_has(kind: str) -> None:
    site = Scene(is_ready=False).site
    about = before(site, kind, lambda client: client.metadata("m", version="v2"))
    assert [(spec.name, spec.shape) for spec in about.signature.inputs] == [("x", (-1, 2))]
    index = before(site, kind, lambda client: client.models())
    assert [(entry.name, entry.version, entry.state) for entry in index][:2] == [
        ("m", "v1", "READY"),
        ("m", "v2", "LOADING"),
    ]
    for model, is_ready in {"m": True, "dead": False, "no": False}.items():
        assert before(site, kind, methodcaller("ready", model)) is is_ready
    health = before(site, kind, lambda client: client.health())
    assert (health.live, health.ready) == (True, False)


@KINDS
def test_a_refusal_of_the_gateway_is_raised(kind: str) -> None:
    site = Scene(Failure("RESOURCE_EXHAUSTED", "no room")).site
    with pytest.raises(Refused, match="RESOURCE_EXHAUSTED: no room"):
        before(site, kind, lambda client: client.predict("m", ROWS), retries=0)


def test_the_key_opens_the_gateway(tmp_path: Path) -> None:
    write(tmp_path / "keys", key("ada", models=("m",)))
    site = Scene(access=Access(Keyring(tmp_path / "keys", lambda: 0), lambda: 0)).site
    assert before(site, "sync", lambda client: client.ready("m"), key="ada-text")
    with pytest.raises(Refused, match="UNAUTHENTICATED"):
        before(site, "sync", lambda client: client.predict("m", ROWS), key="")


@KINDS
def test_a_connection_that_is_reset_before_an_answer_is_made_again(kind: str) -> None:
    made = 0

    async def reset_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal made
        made += 1
        await reader.readuntil(b"\r\n\r\n")
        if made < 3:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        else:
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"name":"m"}')
        writer.close()

    async def story() -> Any:
        async with await asyncio.start_server(reset_twice, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            return await asked(
                kind, url, lambda client: client.metadata("m"), verify=False, chance=lambda: 0.0
            )

    assert asyncio.run(story()).name == "m"
    assert made == 3


@KINDS
def test_a_server_that_never_answers_is_given_up_in_time(kind: str) -> None:
    async def silent(_: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(TimedOut, match="no answer from m"):
        before(silent, kind, lambda client: client.predict("m", ROWS, timeout=0.05))


@KINDS
def test_a_server_that_is_not_there_is_named(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ClientError, match=f"nothing answers at {url}"):
        asyncio.run(asked(kind, url, lambda client: client.predict("m", ROWS), retries=0, verify=False))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a PEM file with a certificate for 127.0.0.1, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    issue(folder, "gateway", "-addext", "subjectAltName=IP:127.0.0.1")
    return joined(folder, "gateway")


def over_tls(certificate: Path, kind: str, verify: Verify) -> Any:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def scene(_: Server, port: int) -> Any:
        url = f"https://127.0.0.1:{port}"
        return await asked(kind, url, lambda client: client.predict("m", ROWS), verify=verify)

    return on_a_server(scene, Scene().site, tls=context)


@KINDS
def test_a_file_of_roots_is_trusted(certificate: Path, kind: str) -> None:
    assert over_tls(certificate, kind, certificate).version == "v1"
    assert over_tls(certificate, kind, str(certificate)).version == "v1"


@KINDS
def test_a_certificate_of_a_stranger_is_told_at_once_with_the_remedy(certificate: Path, kind: str) -> None:
    with pytest.raises(ClientError, match=r"is not trusted: self.signed certificate; .*`verify`"):
        over_tls(certificate, kind, ssl.create_default_context())


@pytest.mark.parametrize("text", ["", "no certificate\n"])
def test_a_file_of_roots_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "roots.pem").write_text(text)
    with pytest.raises(SettingsError, match=r"roots\.pem"):
        HttpClient("https://gateway", verify=tmp_path / "roots.pem")
    with pytest.raises(SettingsError, match="No such file"):
        HttpClient("https://gateway", verify=tmp_path / "none.pem")
