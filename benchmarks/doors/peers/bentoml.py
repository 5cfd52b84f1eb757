"""BentoML."""

from __future__ import annotations

from typing import Final

from benchmarks.doors.forms import rows
from benchmarks.doors.peer import PROGRAMS, Launch, Peer, Place
from pointsman.localstack.ports import HOST


def launch(place: Place) -> Launch:
    """Return how it starts."""
    command = (
        place.script("bentoml"), "serve", "serve_bentoml:Models", "--working-dir", str(PROGRAMS),
        "--host", HOST, "--port", str(place.ports[0]),
    )  # fmt: skip
    return Launch(command, {"BENTOML_HOME": str(place.folder / "home"), "BENTOML_DO_NOT_TRACK": "True"})


PEER: Final = Peer("BentoML", rows("/{model}"), launch, ("bentoml==1.4.39",))
