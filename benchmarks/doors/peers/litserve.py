"""LitServe."""

from __future__ import annotations

from typing import Final

from benchmarks.doors.forms import row
from benchmarks.doors.peer import PROGRAMS, Launch, Peer, Place


def launch(place: Place) -> Launch:
    """Return how it starts."""
    return Launch((str(place.python), str(PROGRAMS / "serve_litserve.py")))


PEER: Final = Peer("LitServe", row("/{model}"), launch, ("litserve==0.2.19",))
