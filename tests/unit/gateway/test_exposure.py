"""A gateway that asks nobody for a key is not left where strangers come by."""

from __future__ import annotations

import pytest

from pointsman.errors import SettingsError
from pointsman.gateway.exposure import check_exposure, is_loopback

HERE = ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "::ffff:127.0.0.1", "localhost", "LOCALHOST"]
ELSEWHERE = ["0.0.0.0", "::", "", "10.0.0.5", "::ffff:10.0.0.5", "gateway.example.org", "localhost.evil.org"]


@pytest.mark.parametrize("host", HERE)
def test_loopback_needs_no_keys(host: str) -> None:
    assert is_loopback(host)
    check_exposure(host, "", False)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_another_address_needs_keys_or_the_word_that_anybody_may_ask(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(SettingsError, match=r"pointsman keys create .* `open_access`"):
        check_exposure(host, "", False)
    check_exposure(host, "keys.jsonl", False)
    check_exposure(host, "", True)
