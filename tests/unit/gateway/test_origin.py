from __future__ import annotations

import pytest

from pointsman.gateway.origin import OwnPages
from pointsman.http.app import Request


def passes(host: str, origin: str | None, *, on_loopback: bool = True) -> bool:
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    return OwnPages(on_loopback=on_loopback)(Request("POST", "/v2", b"", headers)) is None


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST", ""])
def test_programs_on_this_machine_and_the_own_page_pass(host: str) -> None:
    assert passes(host, None)
    assert passes(host, f"http://{host}")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://localhost:3000", "null", "http://[", "", "http://localhost:8080.evil"],
)
def test_pages_of_other_origins_do_not(origin: str) -> None:
    assert not passes("localhost:8080", origin)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "[", "a b"])
def test_a_name_that_leads_to_this_machine_does_not_make_it_ours(host: str) -> None:
    assert not passes(host, None)
    assert passes(host, None, on_loopback=False)
