from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from pointsman.core.breaker import Breaker, State
from pointsman.errors import DEADLINE_EXCEEDED, UNAVAILABLE
from pointsman.runtimes.remote.caller import Caller
from pointsman.runtimes.remote.options import Options
from pointsman.runtimes.remote.trouble import Trouble, Unsent, late, of_status, unreached


class Scene:
    """A caller whose chance gives no pause and whose breaker opens at the second failure in a row."""

    def __init__(self, **options: int) -> None:
        self.now = 100.0
        self.attempts: list[float] = []
        chosen = Options(**options)  # type: ignore[arg-type]
        self.caller = Caller(chosen, Breaker(2, 1.0), lambda: self.now, lambda: 0.0)

    def call(self, *outcomes: Trouble | str, until: float = 110.0) -> str:
        """Call with attempts that come to these, in turn."""
        rest = iter(outcomes)

        def attempt(left_s: float) -> str:
            self.attempts.append(left_s)
            outcome = next(rest)
            if isinstance(outcome, Trouble):
                raise outcome
            return outcome

        return self.caller.call(attempt, until)


def failing(act: Callable[[], object]) -> Trouble:
    with pytest.raises(Trouble) as error:
        act()
    return error.value


def test_trouble_that_may_be_over_is_tried_again_so_often_and_no_more() -> None:
    busy = of_status(429, b"", 0)
    assert Scene(retries=2).call(busy, busy, "done") == "done"
    scene = Scene(retries=1)
    assert failing(lambda: scene.call(busy, busy, "done")) is busy
    assert len(scene.attempts) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 500, 501, 504])
def test_what_would_be_the_same_again_is_not_tried_again(status: int) -> None:
    scene = Scene(retries=5)
    failing(lambda: scene.call(of_status(status, b"", 0), "done"))
    assert len(scene.attempts) == 1


def test_nobody_is_asked_again_when_the_pause_would_end_too_late() -> None:
    scene = Scene(retries=5)
    failing(lambda: scene.call(of_status(503, b"", after_s=20), "done", until=110.0))
    assert len(scene.attempts) == 1


def test_an_open_breaker_answers_at_once_and_says_when_it_asks_again() -> None:
    scene = Scene(retries=0)
    for _ in range(2):
        failing(lambda: scene.call(unreached("refused")))
    trouble = failing(lambda: scene.call("done"))
    assert (trouble.failure.code, trouble.failure.retryable) == (UNAVAILABLE, True)
    assert "again in 1.0 s" in trouble.failure.message
    assert len(scene.attempts) == 2
    scene.now += 1
    assert scene.call("done") == "done"
    assert scene.caller.state is State.CLOSED


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_a_remote_that_says_no_is_there(status: int) -> None:
    scene = Scene(retries=0)
    for _ in range(5):
        failing(lambda: scene.call(of_status(status, b"", 0)))
    assert scene.caller.state is State.CLOSED


def test_a_remote_is_not_blamed_for_senders_that_cannot_wait() -> None:
    scene = Scene(retries=0)
    for _ in range(5):
        trouble = failing(lambda: scene.call(late(0.05), until=scene.now + 0.05))
        assert trouble.failure.code == DEADLINE_EXCEEDED
    assert scene.caller.state is State.CLOSED
    other = Scene(retries=0)
    for _ in range(2):
        failing(lambda: other.call(late(0.2), until=other.now + 0.2))
    assert other.caller.state is State.OPEN


def test_a_time_that_is_over_before_the_call_says_nothing_of_the_remote() -> None:
    scene = Scene()
    with pytest.raises(Unsent):
        scene.call("done", until=scene.now)
    assert scene.attempts == []


def test_a_probe_that_raises_something_else_lets_the_next_one_through() -> None:
    scene = Scene(retries=0)
    for _ in range(2):
        failing(lambda: scene.call(unreached("refused")))
    scene.now += 1

    def broken(_: float) -> str:
        raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError):
        scene.caller.call(broken, scene.now + 1)
    assert scene.call("done") == "done"


def test_closing_ends_a_pause() -> None:
    caller = Caller(Options(retries=1), clock=time.monotonic, chance=lambda: 1.0)
    caller.close()
    with pytest.raises(Trouble):
        caller.call(lambda _: _raise(of_status(503, b"", after_s=50)), time.monotonic() + 100)


def _raise(error: Exception) -> str:
    raise error


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": "no\\n such  row"}', "the remote says: no such row"),
        (b'{"error": {"message": "no"}}', "the remote says: no"),
        (b'{"detail": "no"}', "the remote says: no"),
        (b"plainly no", "the remote says: plainly no"),
        (b"<html>no</html>", "the remote says: HTTP 400 without a reason"),
        (b'{"error": 7}', "the remote says: HTTP 400 without a reason"),
        (b"", "the remote says: HTTP 400 without a reason"),
    ],
)
def test_what_a_remote_says_is_told_in_one_line(body: bytes, said: str) -> None:
    assert of_status(400, body, 0).failure.message == said
    assert len(of_status(400, b"x" * 5_000, 0).failure.message) <= 200
