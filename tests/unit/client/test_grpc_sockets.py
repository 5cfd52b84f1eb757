"""What the gRPC clients put on the wire: keys, certificates, packing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from operator import methodcaller
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointsman.client.grpc import Ask, GrpcClient
from pointsman.errors import UNAUTHENTICATED, ClientError, Refused, SettingsError
from pointsman.gateway.access import Access
from pointsman.gateway.certificates import certificates_of
from pointsman.gateway.grpc.server import Options
from pointsman.gateway.keyring import Keyring
from tests.unit.client.grpc_gateway import KINDS, all_of, asked, before, told
from tests.unit.gateway.grpc.doors import Plane, served
from tests.unit.gateway.keys import key, write
from tests.unit.openssl import issue, settings_of

ROW = np.zeros((1, 2), np.float32)


@KINDS
def test_the_key_is_the_arguments_or_else_the_environments(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "keys", key("ada", models=("m",)))
    with_keys = {"access": Access(Keyring(tmp_path / "keys", lambda: 0), lambda: 0)}
    predict = methodcaller("predict", "m", ROW)
    assert before(Plane(), kind, predict, with_keys, key="ada-text").version == "1"
    monkeypatch.setenv("POINTSMAN_KEY", "ada-text")
    assert before(Plane(), kind, predict, with_keys).version == "1"
    with pytest.raises(Refused, match=UNAUTHENTICATED):
        before(Plane(), kind, predict, with_keys, key="")
    with pytest.raises(Refused, match="PERMISSION_DENIED"):
        before(Plane(), kind, methodcaller("ready", "other"), with_keys)
    assert before(Plane(), kind, methodcaller("health"), with_keys, key="").ready


class Wire:
    """Passes bytes between a client and a server, and counts them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.there = self.back = 0

    @contextlib.asynccontextmanager
    async def port(self) -> AsyncIterator[int]:
        async with await asyncio.start_server(self._pass, "127.0.0.1", 0) as server:
            yield server.sockets[0].getsockname()[1]

    async def _pass(self, near: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        far, on = await asyncio.open_connection("127.0.0.1", self._port)

        async def there() -> None:
            while data := await near.read(65_536):
                self.there += len(data)
                on.write(data)
            on.close()

        async def back() -> None:
            while data := await far.read(65_536):
                self.back += len(data)
                out.write(data)
            out.close()

        with contextlib.suppress(ConnectionError):
            await asyncio.gather(there(), back())


def bytes_of(kind: str, act: Any, **options: Any) -> tuple[int, int]:
    """Return how many bytes went each way."""

    async def story() -> tuple[int, int]:
        async with served(Plane(), options=Options(max_message_bytes=64 << 20)) as (server, _):
            wire = Wire(server.port)
            async with wire.port() as port:
                await asked(kind, f"grpc://127.0.0.1:{port}", act, **options)
            return wire.there, wire.back

    found: tuple[int, int] = told(story())
    return found


@KINDS
@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_compression_packs_both_ways(kind: str, name: str) -> None:
    million = np.zeros((1, 1_000_000), np.uint8)
    for act in (methodcaller("predict", "m", million), all_of([Ask("m", million)])):
        there, back = bytes_of(kind, act, compression=name)
        assert (there < 20_000, back < 20_000) == (True, True), (there, back)


def test_nothing_is_packed_unless_somebody_asks() -> None:
    million = np.zeros((1, 1_000_000), np.uint8)
    there, back = bytes_of("sync", methodcaller("predict", "m", million))
    assert min(there, back) > 1_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a root, a server's certificate for 127.0.0.1, a client's, and a stranger."""
    made = tmp_path_factory.mktemp("tls")
    issue(made, "root")
    issue(made, "server", "-addext", "subjectAltName=IP:127.0.0.1", signer="root")
    issue(made, "ada", signer="root")
    issue(made, "stranger")
    return made


def over_tls(folder: Path, kind: str, client_ca: str = "", host: str = "127.0.0.1", **options: Any) -> Any:
    files = {"cert": "server.pem", "key": "server.key", **({"client_ca": client_ca} if client_ca else {})}
    tls = certificates_of(settings_of(folder, **files))

    async def story() -> Any:
        async with served(tls=tls) as (server, _):
            return await asked(
                kind, f"grpcs://{host}:{server.port}", methodcaller("predict", "m", ROW, timeout=5), **options
            )

    return told(story())


@KINDS
def test_a_file_of_roots_is_trusted(folder: Path, kind: str) -> None:
    assert over_tls(folder, kind, verify=folder / "root.pem").version == "1"
    assert over_tls(folder, kind, verify=str(folder / "root.pem")).version == "1"


@KINDS
def test_a_certificate_of_a_stranger_or_for_another_host_is_told_at_once(folder: Path, kind: str) -> None:
    for options in (
        {},
        {"verify": folder / "stranger.pem"},
        {"verify": folder / "root.pem", "host": "localhost"},
    ):
        with pytest.raises(ClientError, match=r"is not trusted: .*`verify`"):
            over_tls(folder, kind, **options)


@KINDS
def test_a_clients_certificate_opens_a_gateway_that_wants_one(folder: Path, kind: str) -> None:
    ada = (folder / "ada.pem", folder / "ada.key")
    options: dict[str, Any] = {"client_ca": "root.pem", "verify": folder / "root.pem"}
    assert over_tls(folder, kind, certificate=ada, **options).version == "1"
    with pytest.raises(ClientError):
        over_tls(folder, kind, retries=0, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"verify": "none.pem"}, "none.pem: No such file"),
        ({"verify": "root.key"}, "root.key: .*no certificate"),
        ({"verify": False}, "always"),
        ({"certificate": ("ada.pem", "stranger.key")}, "not a certificate and its private key"),
        ({"certificate": ("ada.pem", "none.key")}, "No such file"),
    ],
)
def test_a_file_that_is_none_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SettingsError, match=said):
        GrpcClient("grpcs://gateway:1", **options)
