"""The mixed traffic of a soak: bulk from the generator, and a trickle of all that is out of the ordinary."""

from __future__ import annotations

import itertools
import random
import threading
import time
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from confluent_kafka import Message

from benchmarks.stream import models
from benchmarks.stream.generator import Traffic
from pointsman import topics
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.testing.ledger import Ledger
from pointsman_examples import mlp

PLAIN: Final = ("plain-1", "plain-2", "plain-3")
MODELS: Final = (models.MODEL, *PLAIN)
PEOPLE_KEY: Final = b"people"
TRICKLE_PER_S: Final = 20.0
DEADLINE_MS: Final = 2_000


def specs(folder: Path) -> list[dict[str, Any]]:
    """Write the artifacts and return the models: one split in two versions, three plain ones."""
    first, second = (models.version(models.artifact(folder, seed)) for seed in (1, 2))
    split = {
        "model": models.MODEL,
        "versions": {"1": first, "2": second},
        "route": {"split": {"1": 9, "2": 1}},
    }
    return [split, *(models.single(name, first) for name in PLAIN)]


def stream(folder: Path) -> Traffic:
    """Return the bulk of the stream lane."""
    return models.traffic(*MODELS, payload=models.body(folder / "stream.bin"))


def people(folder: Path) -> Traffic:
    """Return the bulk of the interactive lane, whose answers go elsewhere."""
    body = models.body(folder / "people.bin", lane=pb.LANE_INTERACTIVE, timeout_ms=DEADLINE_MS)
    return models.traffic(*MODELS, payload=body, reply_key=PEOPLE_KEY.decode())


class Apart(Ledger):
    """A ledger of the trickle alone: the bulk's answers are the generator's to count, and are too many."""

    def _take(self, message: Message) -> None:
        if message.key() not in (b"bench", PEOPLE_KEY):
            super()._take(message)


class Trickle:
    """JSON requests, and poison of every kind between them, on a thread of its own."""

    def __init__(self, ledger: Ledger, chance: random.Random) -> None:
        self._ledger = ledger
        self._chance = chance
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trickle", daemon=True)
        self._numbers = itertools.count()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        begun = time.monotonic()
        for number in self._numbers:
            self._send(f"trickle-{number}", self._chance.choice(MODELS))
            due = begun + (number + 1) / TRICKLE_PER_S
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return

    def _send(self, request_id: str, model: str) -> None:
        row = np.linspace(-1, 1, mlp.WIDTH).tolist()
        body: dict[str, Any] = {"id": request_id, "instances": [row]}
        kind = self._chance.randrange(10)
        if kind == 0:
            body["instances"] = [row[:3]]  # too few columns
        elif kind == 1:
            body["version"] = "9"  # there is none
        elif kind == 2:
            model = "nobody"
        elif kind == 3:
            value = bytes(self._chance.randrange(256) for _ in range(40)) + b"\xff"
            self._ledger.send("", value, key=model.encode())  # no request at all
            return
        value = msgspec.json.encode(body)
        self._ledger.send(request_id, value, key=model.encode(), topic=topics.REQUESTS_JSON)
