"""How outputs are declared, and by which egress each is written."""

from __future__ import annotations

import pytest

from pointsman.errors import SettingsError
from pointsman.outputs import (
    EXACTLY_ONCE,
    ONCE,
    OUT,
    Output,
    egress_of,
    has_transactions,
    output_of,
    outputs_of,
)


def test_a_topic_is_at_least_once_unless_it_says_otherwise() -> None:
    assert output_of("scores") == output_of("scores:at-least-once") == Output("scores")
    assert output_of("scores:exactly-once") == Output("scores", EXACTLY_ONCE)


@pytest.mark.parametrize("text", ["", ":exactly-once", "scores:", "scores:at-most-once", "a:b:exactly-once"])
def test_what_is_no_topic_with_a_mode_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"TOPIC\[:MODE\]"):
        output_of(text)


def test_a_topic_with_another_use_is_no_output() -> None:
    with pytest.raises(SettingsError, match="another use"):
        output_of("pointsman.control")


def test_the_responses_may_change_their_mode() -> None:
    texts = ("pointsman.responses:exactly-once",)
    assert egress_of(texts, "pointsman.responses") == ONCE


def test_a_topic_has_one_mode() -> None:
    with pytest.raises(SettingsError, match="two modes"):
        outputs_of(("a:exactly-once", "a"))


def test_only_declared_topics_are_written_in_transactions() -> None:
    texts = ("a", "b:exactly-once")
    assert [egress_of(texts, topic) for topic in ("a", "b", "c")] == [OUT, ONCE, OUT]
    assert has_transactions(texts)
    assert not has_transactions(("a", "pointsman.responses"))
