"""MLServer.

Adaptive batching by `max_batch_size` and `max_batch_time`, and one worker beside the server, its default for
parallel inference. `debug` would switch the access log on.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from benchmarks.doors.forms import oip
from benchmarks.doors.peer import Launch, Peer, Place
from benchmarks.doors.programs import batching
from pointsman.localstack.ports import HOST


def launch(place: Place) -> Launch:
    """Write the settings of server and models, and return how it starts."""
    http, grpc, metrics, *_ = place.ports
    ports = {"http_port": http, "grpc_port": grpc, "metrics_port": metrics}
    settings: dict[str, Any] = {"host": HOST, **ports, "parallel_workers": 1, "debug": False}
    (place.folder / "settings.json").write_bytes(msgspec.json.encode(settings))
    for name in place.site.workload.models:
        folder = place.folder / name
        folder.mkdir()
        (folder / "model-settings.json").write_bytes(msgspec.json.encode(_model(name)))
    return Launch((place.script("mlserver"), "start", str(place.folder)), grpc=grpc)


def _model(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "implementation": "serve_mlserver.Model",
        "max_batch_size": batching.MAX_BATCH,
        "max_batch_time": batching.BATCH_WAIT_MS / 1000,
    }


# Its workers need the event loop that uvloop made by itself until 0.22.
NEEDS: Final = ("mlserver==1.7.1", "uvloop==0.21.0")
PEER: Final = Peer("MLServer", oip(), launch, NEEDS, has_grpc=True)
