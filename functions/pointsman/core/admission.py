"""How much may wait for a version: as much as it will have answered in time.

A bound in requests is wrong for every model but one. So shards report how long their newest work waited.
While nothing waits there is no bound in time, whatever the rate: it is that of the requests and says nothing
of what the version could do. Once work waits the rate of its answers is what it can do, and with what is in
flight gives the wait of the next request. Between reports it is taken to go on at that rate.

A few in flight are no backlog at any rate: where work waits because others take the processor, the answers of
a version that is asked ten times a second come ten times a second.

Times are in milliseconds on the router's clock unless said otherwise.
"""

from __future__ import annotations

from typing import Final, NamedTuple

# New work may have to wait so long, or for so many forward passes where these take longer. Answers leave a
# shard with their whole call, and a call takes all that waits: an answer comes after twice its wait at most.
TARGET_MS: Final = 150
PASSES: Final = 4
# Who names a deadline may wait in the queue for this part of what is left to it, up to a second: such callers
# would rather wait than ask again, and no queue may grow for ever.
PATIENCE: Final = 1 / 4
LONGEST_MS: Final = 1_000
# A wait of these shares of the target, beside its own pass, says that work begins to queue, or queues still.
BEGINS, STAYS = 0.7, 0.2
# Over less than this the reports' own delays would be most of what is measured.
SHORTEST_MS: Final = 50
# A sample this much longer than the wait may hold time in which nothing was to be done.
LONGEST_WAITS: Final = 4
# What a new sample counts for beside all before it.
_WEIGHT: Final = 0.25
# A version that is silent for longer is no longer taken to work: reports come twice a second.
SILENCE_MS: Final = 1_000


class Drain(NamedTuple):
    """What a version was heard to do; `per_s` is 0 while nothing waits for it."""

    done: int = 0
    at_ms: int = 0
    per_s: float = 0.0
    target_ms: int = TARGET_MS


class Word(NamedTuple):
    """Of all shards: requests done, the longest wait of their newest, and the forward pass."""

    done: int
    wait_ms: int
    pass_ms: int


def heard(drain: Drain, word: Word, now_ms: int) -> Drain:
    """Return what is known of a version after a shard's report."""
    target = max(TARGET_MS, PASSES * word.pass_ms)
    if word.wait_ms - word.pass_ms < (STAYS if drain.per_s else BEGINS) * target:
        return Drain(word.done, now_ms, 0.0, target)
    took = now_ms - drain.at_ms
    if took < SHORTEST_MS:
        return drain
    per_s = drain.per_s
    if took <= LONGEST_WAITS * word.wait_ms and word.done > drain.done:
        sample = (word.done - drain.done) * 1000 / took
        per_s = per_s + _WEIGHT * (sample - per_s) if per_s else sample
    return Drain(word.done, now_ms, per_s, target)


class Admission:
    """What one version can still take. Make it with `room`."""

    def __init__(self, waiting: float, per_s: float, target_ms: int) -> None:
        self._waiting = waiting
        self._per_ms = per_s / 1000
        self._target_ms = target_ms

    @property
    def wait_ms(self) -> int:
        """The wait to be expected of the next request."""
        return round(self._waiting / self._per_ms)

    def take(self) -> None:
        """Count a request that is sent whatever its wait."""
        self._waiting += 1

    def admits(self, left_ms: int) -> bool:
        """Whether a request would be answered in time, and count it if so.

        `left_ms` is what is left to its deadline, 0 where it has none.
        """
        longest = max(self._target_ms, LONGEST_MS)
        most = min(left_ms * PATIENCE, longest) if left_ms else self._target_ms
        if self._waiting > max(most * self._per_ms, PASSES * most / self._target_ms):
            return False
        self._waiting += 1
        return True


def room(sent: int, drain: Drain, now_ms: int) -> Admission | None:
    """Return the room of a version to whose shards so many were sent, None without bound."""
    if not drain.per_s:
        return None
    elapsed = min(max(0, now_ms - drain.at_ms), SILENCE_MS)
    waiting = max(0.0, sent - drain.done - drain.per_s * elapsed / 1000)
    return Admission(waiting, drain.per_s, drain.target_ms)
