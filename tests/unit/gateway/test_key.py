"""Keys and the lines of their file."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import SettingsError
from pointsman.gateway.key import Key, hash_of, keys_from_lines, keys_to_lines, text_of

CREATED = "2026-11-02T08:00:00Z"
names = st.text("abz019._-", min_size=1, max_size=8).map("a{}".format)
made = st.builds(
    Key,
    name=names,
    hash=st.text(max_size=4).map(hash_of),
    created=st.just(datetime(2026, 11, 2, 8, 30, 1, 5, tzinfo=UTC)),
    models=st.sampled_from([("*",), ("digits", "fraud-*"), ("[ab]?",)]),
    rate=st.integers(1, 10**9).map(lambda per_1000: per_1000 / 1000),
    burst=st.integers(0, 1_000_000),
    concurrency=st.integers(0, 1_000_000),
    may_control=st.booleans(),
)


def line(**fields: Any) -> bytes:
    return msgspec.json.encode({"name": "ada", "hash": hash_of("x"), "created": CREATED, **fields})


@given(st.lists(made, unique_by=(lambda key: key.name, lambda key: key.hash), max_size=3))
def test_what_was_written_is_read_again(keys: list[Key]) -> None:
    assert keys_from_lines(keys_to_lines(keys)) == tuple(keys)


def test_a_line_with_only_what_is_needed_may_ask_all_models_without_limits() -> None:
    (key,) = keys_from_lines(b"\n" + line() + b"\r\n\n")
    assert (key.models, key.per_1000_s, key.concurrency, key.may_control) == (("*",), 0, 0, False)
    assert key.created == datetime(2026, 11, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"{", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"name": "\xff"}', "line 2"),
        (b"{}", "missing required field `name`"),
        (line(name="Ada"), "'Ada' is no name for a key"),
        (line(hash="sha256:00"), "$.hash"),
        (line(hash=hash_of("y") + "\n"), "$.hash"),
        (line(created="2026-11-02T08:00:00"), "$.created"),
        (line(models=[]), "a key needs a model"),
        (line(models=["DIGITS"]), "'DIGITS' is no pattern"),
        (line(models="digits"), "$.models"),
        (line(rate=-1), "$.rate"),
        (line(rate=0.0001), "at least 0.001"),
        (line(rate=2e6), "$.rate"),
        (line(burst=5), "set the rate, too"),
        (line(concurrency=-1), "$.concurrency"),
        (line(may_control="yes"), "$.may_control"),
        (line(concurency=1), "unknown field `concurency`"),
        (line(name="grace"), "same name or hash"),
        (line(hash=hash_of("y")), "same name or hash"),
    ],
)
def test_a_broken_line_is_named_with_what_is_wrong(broken: bytes, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        keys_from_lines(line() + b"\n" + broken + b"\n")
    assert str(caught.value).startswith("line 2: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("rate", "burst", "at_once"),
    [(0.001, 0, 1), (0.5, 0, 1), (1, 0, 1), (2.5, 0, 3), (10, 0, 10), (10, 3, 3)],
)
def test_a_burst_that_is_not_given_is_what_a_second_brings(rate: float, burst: int, at_once: int) -> None:
    (key,) = keys_from_lines(line(rate=rate, burst=burst))
    assert key.burst_or_default == at_once


def test_a_rate_counts_in_thousandths() -> None:
    (key,) = keys_from_lines(line(rate=0.1))
    assert key.per_1000_s == 100


@pytest.mark.parametrize(
    ("patterns", "model", "allowed"),
    [
        (["*"], "digits", True),
        (["digits"], "digits", True),
        (["digits"], "digits-2", False),
        (["fraud-*", "wine"], "fraud-eu", True),
        (["fraud-*", "wine"], "wine", True),
        (["fraud-*"], "anti-fraud-eu", False),
        (["v[12]"], "v2", True),
        (["v[!12]"], "v2", False),
        (["a.c"], "abc", False),
        (["digits"], "digits\n", False),
        (["digits"], "DIGITS", False),
    ],
)
def test_a_pattern_matches_the_whole_name(patterns: list[str], model: str, allowed: bool) -> None:
    (key,) = keys_from_lines(line(models=patterns))
    assert key.allows(model) is allowed


def test_a_hash_is_the_one_that_sha256sum_prints() -> None:
    # printf %s pm_ | sha256sum
    assert hash_of("pm_") == "sha256:" + hashlib.sha256(b"pm_").hexdigest()


@given(st.text())
def test_any_text_that_a_door_can_read_has_a_hash(text: str) -> None:
    assert len(hash_of(text)) == 71
    assert len(hash_of(text + "\ud800")) == 71


def test_the_text_of_a_key_holds_all_its_entropy() -> None:
    text = text_of(bytes(range(32)))
    assert text == "pm_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert text_of(bytes(31) + b"\x01") != text_of(bytes(32))
