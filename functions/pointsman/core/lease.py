"""Who holds what, decided by the order of a log that all read.

A holder writes a claim and reads it back. The log's order and its own clock decide, so all who read it agree
without a word between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

# A holder that has not said so for this long, by the log's clock, may be followed by another.
LEASE_MS: Final = 10_000


class Claim(NamedTuple):
    """A record of the log: somebody claims a thing, or renews, or leaves it. `at_ms` is the log's clock."""

    thing: int
    holder: str
    at_ms: int
    leaves: bool = False


def after(held: Mapping[int, Claim], claim: Claim) -> dict[int, Claim]:
    """Return the last valid claim of each thing after one more record of the log.

    A claim is valid where nobody holds the thing, its own holder does, or the holder's last valid claim is
    older than LEASE_MS.
    """
    before = held.get(claim.thing)
    if before is not None and before.holder != claim.holder and claim.at_ms - before.at_ms <= LEASE_MS:
        return dict(held)
    if not claim.leaves:
        return {**held, claim.thing: claim}
    return {thing: one for thing, one in held.items() if thing != claim.thing}


def free(held: Mapping[int, Claim], things: int, now_ms: int) -> list[int]:
    """Return which of the things 0 to `things` - 1 nobody holds."""
    return [thing for thing in range(things) if thing not in held or now_ms - held[thing].at_ms > LEASE_MS]
