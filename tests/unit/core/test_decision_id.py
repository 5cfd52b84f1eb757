"""Decision ids: distinct, verified, and refused after any change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.decision_id import DecisionId, signer, verify

SECRET = b"a secret"
SIGN = signer(SECRET, "digits", "2", 17, 1_700_000_000_000)


def test_a_decision_id_is_read_back_with_its_parts() -> None:
    decision = verify(SECRET, SIGN("request-1"))
    assert isinstance(decision, DecisionId)
    assert decision[:4] == ("digits", "2", 17, 1_700_000_000_000)


def test_each_request_has_its_own() -> None:
    assert len({SIGN(f"request-{number}") for number in range(1_000)}) == 1_000


def test_arm_epoch_and_time_are_told_apart() -> None:
    others = {
        signer(SECRET, *parts)("request")
        for parts in [
            ("m", "1", 1, 1),
            ("m", "2", 1, 1),
            ("m", "1", 2, 1),
            ("m", "1", 1, 2),
            ("n", "1", 1, 1),
        ]
    }
    assert len(others) == 5


def test_another_secret_refuses_it() -> None:
    assert verify(b"another", SIGN("request")) is None


@given(st.data())
def test_any_changed_character_is_refused(data: st.DataObject) -> None:
    text = SIGN("request")
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda character: character != text[at]))
    assert verify(SECRET, text[:at] + other + text[at + 1 :]) is None


@given(
    st.text(st.characters())
    | st.lists(st.text(st.characters(), max_size=5), min_size=6, max_size=6).map(":".join)
)
def test_foreign_text_is_refused(text: str) -> None:
    assert verify(SECRET, text) is None


def test_shortened_and_lengthened_ids_are_refused() -> None:
    text = SIGN("request")
    assert [
        verify(SECRET, wrong) for wrong in (text[:-1], text + "0", ":" + text, text + ":", text.upper())
    ] == [None] * 5


def test_an_empty_secret_still_makes_distinct_ids() -> None:
    sign = signer(b"", "m", "1", 1, 1)
    assert verify(b"", sign("a")) is not None
    assert sign("a") != sign("b")
