from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import INVALID_ARGUMENT, OUT_OF_RANGE, Failure
from pointsman.gateway.encoding import choice, packed, unpacked

MOST = 10_000


@given(st.binary(max_size=MOST), st.sampled_from(["gzip", "deflate"]))
def test_what_is_packed_comes_out_as_it_was(body: bytes, how: str) -> None:
    assert unpacked(packed(body, how), how, MOST) == body


def test_deflate_may_lack_its_header() -> None:
    packer = zlib.compressobj(wbits=-15)
    assert unpacked(packer.compress(b"hello") + packer.flush(), " Deflate ", MOST) == b"hello"


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(bytes(50 * MOST))
    assert len(bomb) < MOST
    failure = unpacked(bomb, "gzip", MOST)
    assert isinstance(failure, Failure)
    assert failure.code == OUT_OF_RANGE


@pytest.mark.parametrize("body", [b"", b"hello", gzip.compress(b"x" * 1000)[:-9]])
@pytest.mark.parametrize("how", ["gzip", "deflate", "br"])
def test_what_is_not_packed_as_it_says_is_refused(body: bytes, how: str) -> None:
    failure = unpacked(body, how, MOST)
    assert isinstance(failure, Failure)
    assert failure.code == INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br", "gzip"),
        ("deflate;q=0.5", "deflate"),
        ("gzip; q=0, deflate", "deflate"),
        ("br", ""),
        ("", ""),
        ("gzip;q=0.000", ""),
    ],
)
def test_the_answer_is_packed_as_the_asker_accepts(accepted: str, chosen: str) -> None:
    assert choice(accepted) == chosen
