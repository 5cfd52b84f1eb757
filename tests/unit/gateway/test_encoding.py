from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import INVALID_ARGUMENT, OUT_OF_RANGE, Failure
from pointsman.gateway.encoding import MOST_MEMBERS, MOST_TIMES, choice, packed, unpacked

MOST = 10_000


@given(st.binary(max_size=MOST), st.sampled_from(["gzip", "deflate"]))
def test_what_is_packed_comes_out_as_it_was(body: bytes, how: str) -> None:
    assert unpacked(packed(body, how), how, MOST) == body


def test_deflate_may_lack_its_header() -> None:
    packer = zlib.compressobj(wbits=-15)
    assert unpacked(packer.compress(b"hello") + packer.flush(), " Deflate ", MOST) == b"hello"


@given(st.lists(st.binary(max_size=500), min_size=1, max_size=6))
def test_members_of_a_gzip_body_are_read_one_behind_the_other(bodies: list[bytes]) -> None:
    assert unpacked(b"".join(map(gzip.compress, bodies)), "gzip", MOST) == b"".join(bodies)


def test_members_are_bounded_together_and_in_number() -> None:
    member = gzip.compress(bytes(MOST // 2))
    assert unpacked(member * 2, "gzip", MOST) == bytes(MOST)
    for body in (member * 3, gzip.compress(b"") * (MOST_MEMBERS + 1)):
        failure = unpacked(body, "gzip", MOST)
        assert isinstance(failure, Failure)
        assert failure.code == OUT_OF_RANGE


def test_a_member_may_end_anywhere_in_what_is_read_at_once() -> None:
    random = bytes(number * 7919 % 251 for number in range(200_000))
    body = b"".join(gzip.compress(random[:size], 0) for size in (65_509, 65_508, 1, 131_000, 65_513))
    assert unpacked(body, "gzip", 10**6) == b"".join(
        random[:size] for size in (65_509, 65_508, 1, 131_000, 65_513)
    )


@pytest.mark.parametrize("rest", [b"x", b"\0" * 8, packed(b"y", "gzip")[:-1], packed(b"y", "")], ids=repr)
@pytest.mark.parametrize("how", ["gzip", "deflate"])
def test_what_else_is_behind_a_packed_body_is_refused(rest: bytes, how: str) -> None:
    failure = unpacked(packed(b"hello", how) + rest, how, MOST)
    assert isinstance(failure, Failure)
    assert failure.code == INVALID_ARGUMENT


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


def test_deflate_makes_no_more_of_a_byte_than_is_reckoned_with() -> None:
    bomb = zlib.compress(b"x" * (8 << 20), 9)
    assert 0.99 < (8 << 20) / (len(bomb) * MOST_TIMES) < 1
