from __future__ import annotations

import socket

import pytest

from pointsman.errors import SettingsError
from pointsman.pod.supervisor import listen
from pointsman.settings import Settings

needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")


@pytest.mark.parametrize(
    ("host", "caller"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("", "127.0.0.1"),
        pytest.param("::1", "::1", marks=needs_ipv6),
        pytest.param("::", "::1", marks=needs_ipv6),
        pytest.param("::", "127.0.0.1", marks=needs_ipv6),
    ],
)
def test_a_host_of_either_family_is_listened_on(host: str, caller: str) -> None:
    with listen(Settings(host=host, port=0)) as listener:
        port = listener.getsockname()[1]
        socket.create_connection((caller, port), timeout=5).close()


@pytest.mark.parametrize(
    ("host", "port", "why"),
    [
        ("256.0.0.1", 0, "cannot listen on 256.0.0.1:0: .*[Nn]ame"),
        ("x" * 70 + ".example", 0, "cannot listen on x+.example:0: .+"),
        ("127.0.0.1", 70000, "port: there is no 70000; set 0 to 65535"),
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1:0: Cannot assign requested address"),
        ("2001:db8::1", 0, r"cannot listen on \[2001:db8::1\]:0: .+"),
    ],
)
def test_an_address_that_cannot_be_had_is_named_with_the_reason(host: str, port: int, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        listen(Settings(host=host, port=port))
    assert "Unknown error" not in str(caught.value)


def test_a_port_that_is_taken_is_named() -> None:
    with listen(Settings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"127.0.0.1:{port}: Address already in use"):
            listen(Settings(port=port))
