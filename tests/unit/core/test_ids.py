"""The grammar of names and the addresses made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.ids import NAME, NOBODY, ShardAddress, is_name


@pytest.mark.parametrize("text", ["a", "0", "digits", "resnet-50", "v1.2_final", "n" * 63, "a..b"])
def test_a_name_is_accepted(text: str) -> None:
    assert is_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n" * 64,
        "n" * 300,
        "A",
        "a/b",
        "..",
        ".a",
        "-a",
        "_",
        "a~b",
        "a#b",
        "a b",
        "a\n",
        "\na",
        "é",
        "²",
        "a:b",
    ],
)
def test_what_could_break_an_address_is_no_name(text: str) -> None:
    assert not is_name(text)


def test_nobody_is_no_models_name() -> None:
    assert not is_name(NOBODY)


@given(st.from_regex(NAME, fullmatch=True), st.from_regex(NAME, fullmatch=True), st.integers(0, 63))
def test_a_shard_address_is_read_back(model: str, version: str, shard: int) -> None:
    address = ShardAddress(model, version, shard)
    assert ShardAddress.parse(str(address)) == address


@pytest.mark.parametrize("text", ["", "m", "m~1", "m~1~x", "m~1~-1", "m~1~0~0", "m~1~", "m~1~²"])
def test_what_is_no_shard_address_is_none(text: str) -> None:
    assert ShardAddress.parse(text) is None
