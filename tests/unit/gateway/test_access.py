"""Who may ask what, and how often."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import (
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    Failure,
    SettingsError,
    Throttled,
)
from pointsman.gateway.access import Access, access_of, token_from
from pointsman.gateway.bearer import Bearer, Permit
from pointsman.gateway.key import Key
from pointsman.gateway.keyring import Keyring
from tests.unit.gateway.keys import Clock, key, write

ADA = "ada-text"


class Door:
    """Access by a file with one key, `ada`, or with other ones."""

    def __init__(self, folder: Path, *keys: Key) -> None:
        self.file, self.clock = folder / "keys.jsonl", Clock()
        write(self.file, *keys)
        self.access = Access(Keyring(self.file, self.clock), self.clock)

    def admit(
        self, token: str | None = ADA, model: str = "digits", control: bool = False
    ) -> Permit | Failure:
        return self.access.admit(token, model, control)

    def admitted(self, token: str = ADA) -> Permit:
        permit = self.admit(token)
        assert isinstance(permit, Permit), permit
        return permit

    def throttled(self, token: str = ADA) -> int:
        failure = self.admit(token)
        assert isinstance(failure, Throttled), failure
        assert failure.code == RESOURCE_EXHAUSTED
        assert failure.retryable
        return failure.retry_after_ms

    def change(self, *keys: Key) -> None:
        write(self.file, *keys)
        self.clock.pass_s(1)


def code(result: Permit | Failure) -> str:
    return result.code if isinstance(result, Failure) else ""


@pytest.mark.parametrize("token", [None, "", "wrong", "ada", "x" * 100_000, "\x00"])
def test_who_brings_no_key_of_ours_is_not_known(tmp_path: Path, token: str | None) -> None:
    assert code(Door(tmp_path, key("ada")).admit(token)) == UNAUTHENTICATED


def test_a_failure_never_repeats_the_key(tmp_path: Path) -> None:
    failure = Door(tmp_path, key("ada")).admit("pm_secret")
    assert isinstance(failure, Failure)
    assert "pm_secret" not in str(failure)


def test_a_key_asks_its_models_and_no_others(tmp_path: Path) -> None:
    door = Door(tmp_path, key("ada", models=("digits", "fraud-*")))
    assert [code(door.admit(model=model)) for model in ("digits", "fraud-eu", "")] == ["", "", ""]
    failure = door.admit(model="wine")
    assert isinstance(failure, Failure)
    assert (failure.code, failure.field) == (PERMISSION_DENIED, "model")
    permit = door.admitted()
    permit.release()
    assert [permit.allows(model) for model in ("fraud-eu", "wine")] == [True, False]


def test_control_needs_a_key_that_may(tmp_path: Path) -> None:
    door = Door(tmp_path, key("ada"), key("root", may_control=True, models=("digits",)))
    assert code(door.admit(control=True)) == PERMISSION_DENIED
    assert code(door.admit("root-text", control=True)) == ""
    assert code(door.admit("root-text", "wine", control=True)) == PERMISSION_DENIED


def test_the_permit_says_whose_the_key_is(tmp_path: Path) -> None:
    assert Door(tmp_path, key("ada")).admitted().key == "ada"


def test_what_is_over_the_rate_is_told_the_milliseconds_after_which_it_is_not(tmp_path: Path) -> None:
    door = Door(tmp_path, key("ada", rate=3, burst=2))
    door.admitted()
    door.admitted()
    assert door.throttled() == 334
    door.clock.pass_s(0.333)
    assert door.throttled() == 1
    door.clock.pass_s(0.001)
    door.admitted()


def test_each_key_has_a_rate_of_its_own(tmp_path: Path) -> None:
    door = Door(tmp_path, key("ada", rate=1), key("grace", rate=1))
    door.admitted()
    assert door.throttled() == 1000
    door.admitted("grace-text")


def test_places_are_given_back_when_a_block_ends_raises_or_is_released_twice(tmp_path: Path) -> None:
    door = Door(tmp_path, key("ada", concurrency=1))

    def fail(early: bool) -> None:
        with door.admitted() as permit:
            assert door.throttled() == 0
            if early:
                permit.release()
            raise ZeroDivisionError

    for early in (True, False, True):
        with pytest.raises(ZeroDivisionError):
            fail(early)
    first = door.admitted()
    first.release()
    second = door.admitted()
    first.release()
    assert door.throttled() == 0
    second.release()
    door.admitted()


def test_a_cancelled_request_gives_its_place_back(tmp_path: Path) -> None:
    door = Door(tmp_path, key("ada", concurrency=2))

    async def request() -> None:
        with door.admitted():
            await asyncio.Event().wait()

    async def story() -> None:
        tasks = [asyncio.create_task(request()) for _ in range(2)]
        await asyncio.sleep(0)
        assert door.throttled() == 0
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with door.admitted(), door.admitted():
            assert door.throttled() == 0

    asyncio.run(story())


def test_what_is_refused_for_its_number_costs_no_token_and_for_its_rate_no_place(tmp_path: Path) -> None:
    door = Door(tmp_path, key("ada", concurrency=1, rate=1, burst=2))
    held = door.admitted()
    assert [door.throttled() for _ in range(5)] == [0] * 5
    held.release()
    door.admitted().release()
    assert [door.throttled() for _ in range(5)] == [1000] * 5
    door.clock.pass_s(1)
    door.admitted()


@given(steps=st.lists(st.sampled_from(["ask", "answer"]), max_size=30), bound=st.integers(1, 3))
def test_unanswered_requests_never_pass_the_bound_and_reach_it(steps: list[str], bound: int) -> None:
    bearer, held = Bearer(key("ada", concurrency=bound), 0), list[Permit]()
    for step in steps:
        if step == "answer":
            if held:
                held.pop().release()
            continue
        refusal = bearer.refusal(0)
        assert (refusal is None) == (len(held) < bound)
        if refusal is None:
            held.append(Permit(bearer))
    assert bearer.unanswered == len(held)


def test_a_revoked_key_is_unknown_within_a_second(tmp_path: Path) -> None:
    door = Door(tmp_path, key("ada"), key("grace"))
    door.admitted()
    door.change(key("grace"))
    assert code(door.admit()) == UNAUTHENTICATED


def test_a_change_of_the_file_gives_nobody_a_second_burst(tmp_path: Path) -> None:
    door = Door(tmp_path, key("ada", rate=0.1, burst=5))
    for _ in range(5):
        door.admitted()
    door.change(key("ada", rate=0.1, burst=9))
    assert door.throttled() == 9_000
    door.change(key("ada"))
    door.admitted()
    door.change(key("ada", rate=0.1, burst=2))
    assert [code(door.admit()) for _ in range(3)] == ["", "", RESOURCE_EXHAUSTED]


def test_requests_under_way_still_count_when_their_key_went_and_came_back(tmp_path: Path) -> None:
    door = Door(tmp_path, key("ada", concurrency=1), key("grace"))
    held = door.admitted()
    door.change(key("grace"))
    door.admitted("grace-text")
    door.change(key("ada", concurrency=1), key("grace"))
    assert door.throttled() == 0
    held.release()
    door.admitted()


def test_without_keys_all_are_admitted_and_control_is_for_loopback(tmp_path: Path) -> None:
    here = access_of("127.0.0.1", "", False, Clock())
    abroad = access_of("0.0.0.0", "", True, Clock())
    for access in (here, abroad):
        with_token, without = access.admit("any", "digits"), access.admit(None, "digits")
        assert isinstance(with_token, Permit)
        assert isinstance(without, Permit)
        assert (with_token.key, without.allows("wine")) == ("", True)
    assert [code(access.admit(None, "digits", control=True)) for access in (here, abroad)] == [
        "",
        PERMISSION_DENIED,
    ]
    write(tmp_path / "keys.jsonl", key("ada"))
    assert (
        code(access_of("::1", str(tmp_path / "keys.jsonl"), True, Clock()).admit(None, "m"))
        == UNAUTHENTICATED
    )
    with pytest.raises(SettingsError, match="open_access"):
        access_of("0.0.0.0", "", False, Clock())


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"authorization": "Bearer pm_1"}, "pm_1"),
        ({"authorization": "bEARER  pm_1 "}, "pm_1"),
        ({"x-api-key": " pm_2 "}, "pm_2"),
        ({"authorization": "Bearer pm_1", "x-api-key": "pm_2"}, "pm_1"),
        ({"authorization": "Basic YTpi", "x-api-key": "pm_2"}, "pm_2"),
        ({"authorization": "Bearer", "x-api-key": "pm_2"}, "pm_2"),
        ({"authorization": "pm_1"}, None),
        ({"authorization": "Basic YTpi"}, None),
        ({"authorization": "Bearer "}, None),
        ({"x-api-key": " "}, None),
        ({}, None),
    ],
)
def test_the_key_is_read_from_either_header(headers: dict[str, str], token: str | None) -> None:
    assert token_from(headers) == token
