"""The servers that others wrote; the first is the yardstick."""

from __future__ import annotations

from typing import Final

from benchmarks.doors.peer import Peer
from benchmarks.doors.peers import bare, bentoml, litserve, mlserver, mosec, ray_serve, torchserve, triton

PEERS: Final[tuple[Peer, ...]] = (
    bare.PEER,
    mlserver.PEER,
    ray_serve.PEER,
    litserve.PEER,
    bentoml.PEER,
    mosec.PEER,
    torchserve.PEER,
    triton.PEER,
)
BARE: Final = bare.PEER.name
