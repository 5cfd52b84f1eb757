"""A running gateway's certificate is renewed under it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
from pathlib import Path

import grpc
import pytest

from pointsman.gateway.certificates import Certificates, certificates_of
from pointsman.gateway.followed import LOOK_NS
from pointsman.http.server import Server
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.settings import Settings
from tests.unit.gateway.grpc.doors import OIP, Client, served
from tests.unit.gateway.handshake import client, shake_hands
from tests.unit.gateway.keys import Clock
from tests.unit.gateway.scene import Scene
from tests.unit.http.scene import on_a_server
from tests.unit.openssl import issue, settings_of

PAIR = {"cert": "now.pem", "key": "now.key"}
MUTUAL = {**PAIR, "client_ca": "roots.pem"}


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two roots, and a server's certificate and a client's of each."""
    folder = tmp_path_factory.mktemp("tls")
    for root in ("old", "new"):
        issue(folder, root)
        issue(folder, f"{root}-server", "-addext", "subjectAltName=DNS:gateway,IP:127.0.0.1", signer=root)
        issue(folder, f"{root}-ada", signer=root)
    return folder


@pytest.fixture
def folder(issued: Path, tmp_path: Path) -> Path:
    shutil.copytree(issued, tmp_path, dirs_exist_ok=True)
    put(tmp_path, "old")
    return tmp_path


def put(folder: Path, root: str, *suffixes: str) -> None:
    """Let the files that the settings name be of this root."""
    for suffix in suffixes or (".key", ".pem"):
        (folder / f"{root}-server{suffix}").replace(folder / f"now{suffix}")
    shutil.copy(folder / f"{root}.pem", folder / "roots.pem")


def certificates(folder: Path, clock: Clock, files: dict[str, str]) -> Certificates:
    found = certificates_of(settings_of(folder, **files), clock)
    assert found is not None
    return found


def root_of(served_by: Certificates, folder: Path) -> str:
    """Return which root's certificate a new connection gets."""
    trusted = client(folder, root="old")
    trusted.load_verify_locations(folder / "new.pem")
    _, here = shake_hands(served_by.context, trusted)
    issuer = (here.getpeercert() or {})["issuer"]
    return next(root for root in ("old", "new") if issuer == ((("commonName", root),),))


def test_settings_without_a_certificate_are_no_tls() -> None:
    assert certificates_of(Settings()) is None


def test_a_new_connection_gets_the_renewed_certificate_and_is_held_against_the_renewed_roots(
    folder: Path,
) -> None:
    clock = Clock()
    held = certificates(folder, clock, MUTUAL)
    shake_hands(held.context, client(folder, "old-ada", "old"))
    put(folder, "new")
    shake_hands(held.context, client(folder, "old-ada", "old"))  # nobody looked yet
    clock.pass_s(LOOK_NS / 1e9)
    there, _ = shake_hands(held.context, client(folder, "new-ada", "new"))
    assert (there.getpeercert() or {})["subject"] == ((("commonName", "new-ada"),),)
    with pytest.raises(ssl.SSLError):
        shake_hands(held.context, client(folder, "old-ada", "new"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_of_a_client_whose_root_is_gone_is_not_resumed(
    folder: Path, version: ssl.TLSVersion
) -> None:
    clock = Clock()
    held = certificates(folder, clock, MUTUAL)
    caller = client(folder, "old-ada", "old")
    caller.maximum_version = version
    caller.load_verify_locations(folder / "new.pem")
    _, here = shake_hands(held.context, caller)
    _, again = shake_hands(held.context, caller, here.session)
    assert again.session_reused
    put(folder, "new")
    clock.pass_s(LOOK_NS / 1e9)
    with pytest.raises(ssl.SSLError):
        shake_hands(held.context, caller, again.session)


def test_a_pair_that_is_half_written_leaves_the_old_one_until_it_is_whole(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    held = certificates(folder, clock, PAIR)
    put(folder, "new", ".pem")
    for _ in range(3):
        clock.pass_s(LOOK_NS / 1e9)
        assert root_of(held, folder) == "old"
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "not the key of" in caplog.text
    put(folder, "new", ".key")
    clock.pass_s(LOOK_NS / 1e9)
    assert root_of(held, folder) == "new"


def test_files_that_are_gone_leave_the_old_certificate(folder: Path) -> None:
    clock = Clock()
    held = certificates(folder, clock, PAIR)
    (folder / "now.pem").unlink()
    clock.pass_s(LOOK_NS / 1e9)
    assert root_of(held, folder) == "old"


def test_files_that_stay_are_read_once(folder: Path) -> None:
    clock = Clock()
    held = certificates(folder, clock, PAIR)
    first = held.newest()
    clock.pass_s(LOOK_NS / 1e9)
    assert held.newest() is first


def test_the_http_doors_connections_get_the_renewed_certificate(folder: Path) -> None:
    clock = Clock()
    held = certificates(folder, clock, PAIR)

    async def scene(_: Server, port: int) -> None:
        for root in ("old", "new"):
            _reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=client(folder, root=root), server_hostname="gateway"
            )
            writer.close()
            await writer.wait_closed()
            if root == "old":
                put(folder, "new")
                clock.pass_s(LOOK_NS / 1e9)

    on_a_server(scene, Scene().site, tls=held.context)


def test_the_grpc_doors_connections_get_the_renewed_certificate_and_roots(folder: Path) -> None:
    clock = Clock()
    held = certificates(folder, clock, MUTUAL)

    async def status(port: int, root: str, name: str) -> grpc.StatusCode:
        files = (folder / file for file in (f"{root}.pem", f"{name}.key", f"{name}.pem"))
        credentials = grpc.ssl_channel_credentials(*(file.read_bytes() for file in files))
        async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
            call = Client(channel)(OIP, "ServerLive", oip.ServerLiveRequest())
            code: grpc.StatusCode = await call.code()
            return code

    async def story() -> None:
        async with served(tls=held) as (server, _):
            assert await status(server.port, "old", "old-ada") is grpc.StatusCode.OK
            put(folder, "new")
            clock.pass_s(LOOK_NS / 1e9)
            assert await status(server.port, "new", "new-ada") is grpc.StatusCode.OK
            for root, name in (("new", "old-ada"), ("old", "new-ada")):
                assert await status(server.port, root, name) is grpc.StatusCode.UNAVAILABLE

    asyncio.run(story())
