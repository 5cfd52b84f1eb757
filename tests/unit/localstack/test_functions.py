"""Whether a gateway is ready, with and without TLS."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pointsman.localstack.functions import HEALTH, FunctionServer, GatewayServer
from pointsman.localstack.ports import HOST, Reservation, reserve
from pointsman.settings import Settings
from tests.unit.openssl import issue, joined


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == HEALTH else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture(scope="module")
def cert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    issue(folder, "elsewhere")
    return joined(folder, "elsewhere")


@contextmanager
def serving(port: int, cert: Path | None, *, wants_certificates: bool = False) -> Iterator[None]:
    server = HTTPServer((HOST, port), Ready)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if cert is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert)
        if wants_certificates:
            context.load_verify_locations(cert)
            context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def gateway(folder: Path, **files: Path) -> GatewayServer:
    """Return a gateway that is not started, whose port is free."""
    settings = Settings(**{name: str(path) for name, path in files.items()})  # type: ignore[arg-type]
    return GatewayServer(settings, folder / "log", released(), released())


def released() -> Reservation:
    reservation = reserve()
    reservation.release()
    return reservation


def test_without_tls_it_is_asked_in_the_clear(tmp_path: Path) -> None:
    child = gateway(tmp_path)
    assert not child.is_ready()
    with serving(child.port, None):
        assert child.is_ready()
    assert child.url == f"http://{HOST}:{child.port}"


def test_with_tls_it_is_asked_so_whatever_host_its_certificate_names(tmp_path: Path, cert: Path) -> None:
    child = gateway(tmp_path, tls_cert=cert)
    assert not child.is_ready()
    with serving(child.port, cert):
        assert child.is_ready()
    with serving(child.port, None):
        assert not child.is_ready()
    assert child.url == f"https://{HOST}:{child.port}"


def test_one_that_wants_certificates_is_ready_where_it_listens(tmp_path: Path, cert: Path) -> None:
    child = gateway(tmp_path, tls_cert=cert, tls_client_ca=cert)
    assert not child.is_ready()
    with serving(child.port, cert, wants_certificates=True):
        assert child.is_ready()


def test_a_router_speaks_no_tls_though_the_settings_are_the_same(tmp_path: Path, cert: Path) -> None:
    router = FunctionServer("router", (), Settings(tls_cert=str(cert)), tmp_path / "log", released())
    with serving(router.port, None):
        assert router.is_ready()
