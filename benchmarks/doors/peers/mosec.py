"""mosec."""

from __future__ import annotations

from typing import Final

from benchmarks.doors.forms import row
from benchmarks.doors.peer import PROGRAMS, Launch, Peer, Place
from pointsman.localstack.ports import HOST

TIMEOUT_MS: Final = 30_000


def launch(place: Place) -> Launch:
    """Return how it starts; its sockets lie in its folder, and nobody is given up earlier than by others."""
    command = (
        str(place.python), str(PROGRAMS / "serve_mosec.py"), "--address", HOST, "--port", str(place.ports[0]),
        "--path", str(place.folder / "mosec"), "--timeout", str(TIMEOUT_MS), "--log-level", "warning",
    )  # fmt: skip
    return Launch(command)


PEER: Final = Peer("mosec", row("/{model}"), launch, ("mosec==0.9.8", "orjson==3.13.0"))
