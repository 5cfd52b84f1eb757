"""Output topics of our own, and by which of the two egresses each is written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import msgspec

from pointsman.errors import SettingsError
from pointsman.topics import RESPONSES, TABLE

AT_LEAST_ONCE: Final = "at-least-once"
EXACTLY_ONCE: Final = "exactly-once"
# The two egresses of module.yaml, both in the namespace `pointsman`. The second writes in transactions.
OUT: Final = "out"
ONCE: Final = "once"


class Output(msgspec.Struct, frozen=True):
    """One topic and how its records are delivered."""

    topic: str
    mode: str = AT_LEAST_ONCE


def output_of(text: str) -> Output:
    """Return the output written as TOPIC[:MODE]. Raises SettingsError.

    Of the topics of the table only that of the responses may be named, to change its mode.
    """
    topic, colon, mode = text.partition(":")
    if not topic or (colon and mode not in (AT_LEAST_ONCE, EXACTLY_ONCE)):
        raise SettingsError(
            f"output {text!r} must be TOPIC[:MODE], MODE one of {AT_LEAST_ONCE}, {EXACTLY_ONCE}"
        )
    if topic != RESPONSES and any(topic == known.name for known in TABLE):
        raise SettingsError(f"output {text!r}: the topic has another use")
    return Output(topic, mode or AT_LEAST_ONCE)


@cache
def outputs_of(texts: Sequence[str]) -> dict[str, Output]:
    """Return the outputs of a setting by topic. Raises SettingsError; so too for two modes of one topic."""
    found: dict[str, Output] = {}
    for output in map(output_of, texts):
        if found.setdefault(output.topic, output) != output:
            raise SettingsError(f"output {output.topic!r} is declared in two modes")
    return found


def egress_of(texts: Sequence[str], topic: str) -> str:
    """Return the egress of a topic under a setting that `outputs_of` has accepted."""
    output = outputs_of(texts).get(topic)
    return ONCE if output is not None and output.mode == EXACTLY_ONCE else OUT


def has_transactions(texts: Sequence[str]) -> bool:
    """Whether any topic of the setting is written in transactions."""
    return any(output.mode == EXACTLY_ONCE for output in outputs_of(texts).values())
