"""How much of a model may be decided and unfinished at a time: what its shards do in a third of a second.

What is beyond it waits where it costs nothing, in its topic. The bound follows what the shards get done in
the time of their calls while more waits; it is held for as long as nothing does. The time between calls does
not count: where the way to the shards and back took longer than the target, a rate by the clock would lower
the bound, and the lower bound the rate, down to the least. Nor is the bound lowered where the calls took less
than half of the time: then it is not the shards that are slow, and their batches are not full.
"""

from __future__ import annotations

from typing import Final, NamedTuple

TARGET_S: Final = 0.3
MEASURED_MS: Final = 200  # of work
IDLE: Final = 0.5  # shards that work less of the time are not what others wait for
# Before the first measurement: about what a small model does in a third of a second.
FIRST: Final = 4096
# A model that does less has calls of seconds anyway; fewer would not fill its batches.
LEAST: Final = 64
MOST: Final = 32_768
# More bytes are not kept in flight, whatever their number.
MOST_BYTES: Final = 32 << 20
# A shard's queue of so many messages takes no more: the engine stops all input at 256.
MOST_MESSAGES: Final = 128


class Pace(NamedTuple):
    """The bound; the totals with which the measurement under way began, and when that was (0: none is)."""

    limit: int = FIRST
    done: int = 0
    busy_ms: int = 0
    at_ms: int = 0


class Work(NamedTuple):
    """What shards have done: requests and the time of their calls, summed over all of them.

    `shards` counts those that were heard since the measurement under way began, or have work.
    """

    done: int
    busy_ms: int
    shards: int


def paced(pace: Pace, work: Work, now_ms: int, *, is_pressed: bool) -> Pace:
    """Return the pace after a report; `is_pressed` says that more requests wait.

    A new measurement weighs three times what all before it do.
    """
    if not is_pressed:
        return pace._replace(at_ms=0)
    done, busy_ms = work.done - pace.done, work.busy_ms - pace.busy_ms
    if not pace.at_ms or done < 0 or busy_ms < 0:
        return Pace(pace.limit, work.done, work.busy_ms, now_ms)
    if busy_ms < MEASURED_MS * work.shards or now_ms <= pace.at_ms:
        return pace
    wanted = round(done * work.shards * TARGET_S * 1000 / busy_ms)
    if busy_ms < IDLE * work.shards * (now_ms - pace.at_ms):
        wanted = max(wanted, pace.limit)
    limit = min(MOST, max(LEAST, (pace.limit + 3 * wanted) // 4))
    return Pace(limit, work.done, work.busy_ms, now_ms)


class Room:
    """How many more requests, and how many more bytes of them, a model's shards may be sent.

    `limit` is how many there may be at a time.
    """

    def __init__(self, limit: int, count: int, size: int) -> None:
        self.limit = limit
        self.count = count
        self.size = size

    def takes(self, size: int) -> bool:
        """Whether there is room for a request of this size; then it is used. The last one may be larger."""
        if self.count <= 0 or self.size <= 0:
            return False
        self.count -= 1
        self.size -= size
        return True


def room(pace: Pace, inflight: int, inflight_bytes: int, most_messages: int) -> Room:
    """Return the room, given what is in flight and the messages at the shard that has the most of them."""
    if most_messages >= MOST_MESSAGES:
        return Room(pace.limit, 0, 0)
    return Room(pace.limit, pace.limit - inflight, MOST_BYTES - inflight_bytes)
