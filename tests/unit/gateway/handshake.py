"""TLS handshakes through memory."""

from __future__ import annotations

import ssl
from pathlib import Path


def client(folder: Path, name: str = "", root: str = "root") -> ssl.SSLContext:
    """Return the context of a client that trusts a root, and has a certificate where it has a name."""
    context = ssl.create_default_context(cafile=str(folder / f"{root}.pem"))
    if name:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def shake_hands(
    server: ssl.SSLContext, caller: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Return both ends after a handshake and one byte from the server; raises what either end does."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = server.wrap_bio(to_server, to_client, server_side=True)
    here = caller.wrap_bio(to_client, to_server, server_hostname="gateway", session=session)
    waiting = {here: True, there: True}
    while any(waiting.values()):
        for end in waiting:
            try:
                end.do_handshake()
                waiting[end] = False
            except ssl.SSLWantReadError:
                continue
    there.write(b"x")
    assert here.read(1) == b"x"
    return there, here
