"""TLS of the doors, with certificates that `openssl` makes here; handshakes go through memory."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from pointsman.errors import SettingsError
from pointsman.gateway.tls import tls_of
from pointsman.settings import Settings
from tests.unit.gateway.handshake import client, shake_hands
from tests.unit.openssl import ELLIPTIC, issue, settings_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    issue(made, "root")
    issue(made, "server", "-addext", "subjectAltName=DNS:gateway", signer="root")
    issue(made, "ada", signer="root")
    issue(made, "stranger")
    issue(made, "locked", "-passout", "pass:secret", kind=ELLIPTIC)
    issue(made, "weak", kind=("-newkey", "rsa:1024", "-nodes"))
    (made / "text.pem").write_text("no certificate\n")
    (made / "empty.pem").touch()
    damaged = (made / "server.pem").read_text().splitlines()
    (made / "damaged.pem").write_text("\n".join([*damaged[:3], *damaged[4:]]))
    (made / "binary.pem").write_bytes(b"\xff" * 100)
    return made


def test_no_certificate_is_no_tls() -> None:
    assert tls_of(Settings()) is None


def test_a_client_that_knows_the_root_gets_in_and_speaks_what_the_door_does(folder: Path) -> None:
    tls = tls_of(settings_of(folder, cert="server.pem", key="server.key"))
    assert tls is not None
    _, here = shake_hands(tls.context, client(folder))
    assert (here.version(), here.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")


def test_versions_below_1_2_are_not_spoken(folder: Path) -> None:
    tls = tls_of(settings_of(folder, cert="server.pem", key="server.key"))
    assert tls is not None
    assert tls.context.minimum_version == ssl.TLSVersion.TLSv1_2
    caller = client(folder)
    caller.maximum_version = ssl.TLSVersion.TLSv1_2
    _, here = shake_hands(tls.context, caller)
    assert here.version() == "TLSv1.2"


def test_with_a_client_ca_only_its_clients_get_in(folder: Path) -> None:
    tls = tls_of(settings_of(folder, cert="server.pem", key="server.key", client_ca="root.pem"))
    assert tls is not None
    there, _ = shake_hands(tls.context, client(folder, "ada"))
    subject = (there.getpeercert() or {})["subject"]
    assert subject == ((("commonName", "ada"),),)
    for name in ("", "stranger"):
        with pytest.raises(ssl.SSLError):
            shake_hands(tls.context, client(folder, name))


def test_grpc_gets_the_bytes_of_the_files(folder: Path) -> None:
    tls = tls_of(settings_of(folder, cert="server.pem", key="server.key", client_ca="root.pem"))
    assert tls is not None
    files = [(folder / name).read_bytes() for name in ("server.key", "server.pem", "root.pem")]
    assert [tls.key, tls.chain, tls.client_ca] == files
    assert "PRIVATE KEY" not in repr(tls)


SERVER = {"cert": "server.pem", "key": "server.key"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"cert": "server.pem"}, "tls_key is not; set it"),
        ({"key": "server.key"}, "tls_key is set and tls_cert is not"),
        ({"client_ca": "root.pem"}, "tls_client_ca is set and tls_cert is not"),
        ({"cert": "none.pem", "key": "server.key"}, "tls_cert .*none.pem: No such file"),
        ({"cert": "server.pem", "key": "none.key"}, "tls_key .*none.key: No such file"),
        ({**SERVER, "client_ca": "."}, "tls_client_ca .*: Is a directory"),
        ({"cert": "text.pem", "key": "server.key"}, "tls_cert .*text.pem: no certificates in PEM"),
        ({"cert": "damaged.pem", "key": "server.key"}, "tls_cert .*damaged.pem: no certificates in PEM"),
        ({"cert": "binary.pem", "key": "server.key"}, "tls_cert .*binary.pem: no certificates in PEM"),
        ({"cert": "server.key", "key": "server.pem"}, "tls_cert .*server.key: no certificates in PEM"),
        ({"cert": "server.pem", "key": "text.pem"}, "tls_key .*text.pem: no private key in PEM"),
        ({"cert": "server.pem", "key": "server.pem"}, "tls_key .*server.pem: no private key in PEM"),
        ({"cert": "server.pem", "key": "ada.key"}, "tls_key .*ada.key: not the key of .*server.pem"),
        ({"cert": "locked.pem", "key": "locked.key"}, "tls_key .*locked.key: it has a passphrase"),
        ({"cert": "weak.pem", "key": "weak.key"}, "tls_cert .*weak.pem: its key or hash is too weak"),
        ({**SERVER, "client_ca": "empty.pem"}, "tls_client_ca .*empty.pem: no certificates in PEM"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(folder: Path, files: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        tls_of(settings_of(folder, **files))
