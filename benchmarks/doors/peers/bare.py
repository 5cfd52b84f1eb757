"""aiohttp with the networks in it."""

from __future__ import annotations

from typing import Final

from benchmarks.doors.forms import oip
from benchmarks.doors.peer import PROGRAMS, Launch, Peer, Place


def launch(place: Place) -> Launch:
    """Return how it starts."""
    return Launch((str(place.python), str(PROGRAMS / "serve_aiohttp.py")))


PEER: Final = Peer("bare aiohttp", oip(), launch)
