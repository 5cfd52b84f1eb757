"""The same model and the same input through every door: the same answer, by the same version."""

from __future__ import annotations

import grpc
import numpy as np

from pointsman.core.tensor import Array
from tests.e2e.bench import Bench, scale
from tests.e2e.doors import DOORS, TOPIC_BODIES, Question, Told, ask_topics
from tests.unit.gateway.grpc.doors import Client

# No multiple of either is exact, and the numbers are those that a careless conversion spoils.
FACTORS = {"1": "0.1", "2": "0.7"}
EDGES = [0.1, -0.0, 1e-45, 3.4028235e38]
UNITS = [f"unit-{number}" for number in range(14)]


def rows() -> Array:
    chance = np.random.default_rng(1)
    magnitudes = 10.0 ** chance.uniform(-37, 37, (2, 4))
    return np.array([EDGES, *(magnitudes * chance.choice([-1, 1], (2, 4)))], np.float32)


def test_every_door_gives_the_same_rows_to_the_last_bit_and_a_unit_the_same_version(
    bench: Bench, name: str
) -> None:
    asked = rows()
    bench.apply(name, {version: scale(float(f)) for version, f in FACTORS.items()}, {"1": 50, "2": 50})
    expected = {version: asked * np.float32(factor) for version, factor in FACTORS.items()}
    served = set()
    with grpc.insecure_channel(bench.stack.record.grpc) as channel:
        for unit in UNITS:
            question = Question(bench.stack, Client(channel), name, asked, unit)
            told = ask_topics(bench, question) | {door: ask(question) for door, ask in DOORS.items()}
            assert len(told) == len(TOPIC_BODIES) + 2 + len(DOORS)
            [version] = {one.version for one in told.values()}
            wrong = {door: one for door, one in told.items() if not is_exactly(one, expected[version])}
            assert wrong == {}, unit
            served.add(version)
    assert served == set(FACTORS), "units of both versions asked"


def is_exactly(told: Told, expected: Array) -> bool:
    """Whether the rows are the expected ones bit by bit; those of JSON in 64 bits, with nothing added."""
    return told.rows.tobytes() == expected.astype(told.rows.dtype).tobytes()
