"""Which version was in force when, and whether an answer is of one that was."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple


class Reign(NamedTuple):
    """From an epoch on, and a time of the router in milliseconds, a version has all the traffic."""

    version: str
    epoch: int
    since_ms: int


class Answer(NamedTuple):
    """What an answer says, and the number in its outputs; `written_ms` is when the job wrote it."""

    id: str
    version: str
    epoch: int
    number: int
    written_ms: int


def wrong(
    answers: Iterable[Answer], reigns: Sequence[Reign], sent_ms: Mapping[str, int]
) -> Iterator[tuple[Answer, str]]:
    """Yield the answers that are not as they must be, each with the reason.

    An answer must be computed by the version that it names, which must be the one in force at the epoch that
    it names, and that reign must have some time in common with the request's way.
    """
    epochs = [reign.epoch for reign in reigns]
    for answer in answers:
        at = bisect_right(epochs, answer.epoch) - 1
        over_ms = reigns[at + 1].since_ms if at + 1 < len(reigns) else None
        reason = _fault(answer, reigns[at], over_ms, sent_ms.get(answer.id)) if at >= 0 else "an early epoch"
        if reason:
            yield answer, reason


def _fault(answer: Answer, reign: Reign, over_ms: int | None, sent_ms: int | None) -> str:
    if answer.version != str(answer.number):
        return "computed by another version"
    if answer.version != reign.version:
        return f"version {reign.version} was in force at that epoch"
    if sent_ms is None:
        return "nobody asked"
    if answer.written_ms < reign.since_ms or (over_ms is not None and sent_ms > over_ms):
        return "not in force between question and answer"
    return ""
