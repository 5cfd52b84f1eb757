"""How much of a model may be decided and unfinished at a time: what its shards do in a third of a second.

What is beyond it waits where it costs nothing, in its topic. The bound follows what the shards get done while
more waits; it is held for as long as nothing does, for then what gets done says only how much was asked.
"""

from __future__ import annotations

from typing import Final, NamedTuple

TARGET_S: Final = 0.3
MEASURED_MS: Final = 200
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
    """The bound, and the measurement under way: requests done when it began, and when that was (0: none)."""

    limit: int = FIRST
    done: int = 0
    at_ms: int = 0


def paced(pace: Pace, done: int, now_ms: int, *, is_pressed: bool) -> Pace:
    """Return the pace after a report of `done` requests in all; `is_pressed` says that more wait.

    A new measurement weighs three times what all before it do.
    """
    if not is_pressed:
        return pace._replace(at_ms=0)
    if not pace.at_ms or done < pace.done:
        return pace._replace(done=done, at_ms=now_ms)
    elapsed_ms = now_ms - pace.at_ms
    if elapsed_ms < MEASURED_MS:
        return pace
    wanted = round((done - pace.done) * TARGET_S * 1000 / elapsed_ms)
    return Pace(min(MOST, max(LEAST, (pace.limit + 3 * wanted) // 4)), done, now_ms)


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
