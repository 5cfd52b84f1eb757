"""Good requests, and poison of every kind among them."""

from __future__ import annotations

import random
from typing import Any, Final, NamedTuple

import numpy as np

from pointsman import topics
from pointsman.core.tensor import Array
from pointsman.errors import Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.tensors import tensor_to_pb

MODEL: Final = "perilous"
INNOCENT: Final = "innocent"
# How many of each kind in a thousand; the order that the row begins with.
KILLING: Final = {
    "segfault": (30, -1.0),
    "kill": (30, -2.0),
    "exit": (20, -3.0),
    "seize": (10, -4.0),
    "hang": (10, -5.0),
}


class Record(NamedTuple):
    """One record; poison is a kind, "" is a good request. Without an id its place is its id."""

    poison: str
    id: str
    topic: str
    key: bytes | None
    value: bytes | None


def traffic(poison: int, chance: random.Random) -> list[Record]:
    """Return so much poison among ten times as many good requests, half of them of another model."""
    records = [_good(number) for number in range(10 * poison)]
    for kind, (share, order) in KILLING.items():
        # Each row is another: one that is like a row convicted before is found sooner.
        rows = [np.array([[order, number, 0, 0]], np.float32) for number in range(share * poison // 1000)]
        records += [_request(kind, f"{kind}-{number}", MODEL, row) for number, row in enumerate(rows)]
    malformed = 11 * poison - len(records)
    records += [_malformed(number, chance) for number in range(malformed)]
    chance.shuffle(records)
    return records


def row(number: int) -> Array:
    """Return the input, and right output, of a good request."""
    return np.full((1, 4), number, np.float32)


def _good(number: int) -> Record:
    return _request("", f"good-{number}", (MODEL, INNOCENT)[number % 2], row(number))


def _request(poison: str, request_id: str, model: str, array: Array, **fields: Any) -> Record:
    tensor = tensor_to_pb("x", array)
    assert not isinstance(tensor, Failure)
    tensors = pb.Tensors(tensors=[tensor])
    value = pb.InferenceRequest(id=request_id, model=model, tensors=tensors, **fields).SerializeToString()
    return Record(poison, request_id, topics.REQUESTS, model.encode(), value)


def _malformed(number: int, chance: random.Random) -> Record:
    key = chance.choice((MODEL.encode(), INNOCENT.encode(), None, b"", b"a/b", b"\xff\xff", b"x" * 300))
    raw: tuple[tuple[str, bytes | None], ...] = (
        (topics.REQUESTS, None),
        (topics.REQUESTS_JSON, b""),
        (topics.REQUESTS, chance.randbytes(64)),
        (topics.REQUESTS_JSON, b'{"inputs":' + b"[" * 20_000),
    )
    typed: tuple[tuple[str, Array, dict[str, Any]], ...] = (
        (MODEL, np.ones((1, 4)), {}),  # FP64
        (INNOCENT, np.ones((1, 5), np.float32), {}),
        ("nobody-knows", row(1), {}),
        (MODEL, row(1), {"version": "77"}),
        (MODEL, np.ones((0, 4), np.float32), {}),
    )
    kind = number % (len(raw) + len(typed))
    if kind < len(raw):
        topic, value = raw[kind]
        return Record("malformed", "", topic, key, value)
    model, array, fields = typed[kind - len(raw)]
    return _request("malformed", f"malformed-{number}", model, array, **fields)
