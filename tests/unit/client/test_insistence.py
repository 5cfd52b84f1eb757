"""Asking again, without any protocol: what is asked of a conversation's driver."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.client.insistence import MOST_S, Done, Insistence, Send, Setback, Talk, Wait, advance
from pointsman.errors import ClientError

AGAIN = Setback(ClientError("again"), retryable=True)

chances = st.lists(st.floats(0, 1, exclude_max=True), min_size=50, max_size=50)
costs = st.lists(st.floats(0, 3), min_size=50, max_size=50)


@given(st.integers(0, 12), st.floats(0.01, 30), chances, costs, st.integers(0, 12))
def test_there_are_so_many_attempts_at_most_and_none_begins_after_the_deadline(
    retries: int, timeout: float, chance: list[float], cost: list[float], good: int
) -> None:
    now, sent = 100.0, 0
    insistence = Insistence(retries, lambda: now, chance.pop)
    talk: Talk[float, str, str] = insistence.talk("m", lambda left: left, lambda answer: answer, timeout)
    try:
        step: Send[float] | Wait | Done[str] = advance(talk, None)
        while not isinstance(step, Done):
            assert now < 100.0 + timeout
            if isinstance(step, Wait):
                assert 0 <= step.seconds <= MOST_S
                now += step.seconds
                step = advance(talk, None)
            else:
                assert step.request == step.timeout <= 100.0 + timeout - now
                sent += 1
                now += cost.pop()
                step = advance(talk, "answer" if sent > good else AGAIN)
        assert (step.result, sent) == ("answer", good + 1)
    except ClientError:
        assert sent <= good
    assert sent <= retries + 1


def test_pauses_grow_up_to_a_bound_and_chance_takes_its_part() -> None:
    pauses: list[float] = []
    insistence = Insistence(7, lambda: 0.0, lambda: 0.5)
    talk: Talk[str, str, str] = insistence.talk("m", lambda _: "?", lambda _: AGAIN, 1000.0)
    step: Send[str] | Wait | Done[str] = advance(talk, None)
    while len(pauses) < 7:
        if isinstance(step, Wait):
            pauses.append(step.seconds)
        step = advance(talk, "!" if isinstance(step, Send) else None)
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
