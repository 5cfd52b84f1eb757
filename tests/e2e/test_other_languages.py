"""The programs in Go, Java and Node against the gateway and the topics of the real engine."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import pytest

from pointsman.client import Client, Prediction
from pointsman.localstack.stack import Stack
from tests.e2e.bench import Bench, scale
from tests.e2e.programs import TOOLS, Program, Said, built

Programs: TypeAlias = Mapping[str, Program]

AT_ONCE = 4
# A fraction that FP32 rounds, a sign, and what doubled is infinite, for which JSON has no number.
ROW = "0.1,-2.5,3e38,4"


@pytest.fixture(scope="module")
def programs() -> Programs:
    """Return the programs by their language."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(TOOLS, pool.map(built, TOOLS), strict=True))


def ways(stack: Stack) -> dict[str, str]:
    """Return the ways to ask, and their addresses."""
    http = stack.record.http.removeprefix("http://")
    return {"grpc": stack.record.grpc, "http": http, "kafka": stack.kafka}


def ask_all(programs: Programs, addresses: Mapping[str, str], **options: str) -> dict[tuple[str, str], Said]:
    """Return what each program says by each way."""
    asked = list(product(programs, addresses))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = pool.map(lambda ask: programs[ask[0]].ask(ask[1], addresses[ask[1]], **options), asked)
        return dict(zip(asked, said, strict=True))


def by_python(stack: Stack, model: str, units: Sequence[str]) -> list[Prediction]:
    """Return the answers that the Python client gets for units."""
    row = np.array([ROW.split(",")], np.float32)

    async def predict() -> list[Prediction]:
        async with Client(stack.kafka) as client:
            return [await client.predict(model, {"x": row}, unit=unit) for unit in units]

    return asyncio.run(predict())


def outputs_of(prediction: Prediction) -> list[dict[str, Any]]:
    """Return outputs of FP32 as the programs print them."""
    return [
        {
            "name": name,
            "datatype": "FP32",
            "shape": list(array.shape),
            "data": [float(value) if math.isfinite(value) else None for value in array.ravel()],
        }
        for name, array in prediction.outputs.items()
    ]


def keys_of(answer: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the names of an answer's parts, and of those of its first output."""
    return list(answer), list(answer["outputs"][0])


def test_a_unit_gets_the_same_answer_in_every_language_by_every_way(
    bench: Bench, name: str, programs: Programs
) -> None:
    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 50, "2": 50})
    units = [f"unit-{number}" for number in range(24)]
    expected = by_python(bench.stack, name, units)
    one_of_each = {answer.version: (unit, answer) for unit, answer in zip(units, expected, strict=True)}
    assert len(one_of_each) == 2
    decisions = set()
    for unit, wanted in one_of_each.values():
        options = {"model": name, "unit": unit, "input": "x", "values": ROW}
        said = ask_all(programs, ways(bench.stack), **options)
        (after,) = by_python(bench.stack, name, [unit])
        for who, (status, answer, code) in said.items():
            assert (status, code) == (0, ""), who
            assert answer["outputs"] == outputs_of(wanted), who
            assert (answer["version"], answer["arm"]) == (wanted.version, wanted.arm), who
            assert wanted.epoch <= answer["epoch"] <= after.epoch, who
            assert answer["decision_id"].startswith(f"{name}:{wanted.arm}:{answer['epoch']}:"), who
            assert answer["id"], who
            assert keys_of(answer) == keys_of(programs[who[0]].shown), who
            decisions.add(answer["decision_id"])
    assert len(decisions) == 2 * len(said)  # each request is decided on its own


def test_an_unknown_model_is_not_found_in_every_language_by_every_way(
    bench: Bench, name: str, programs: Programs
) -> None:
    said = ask_all(programs, ways(bench.stack), model=name, input="x", values=ROW)
    assert {who: (status, code) for who, (status, _, code) in said.items()} == dict.fromkeys(
        said, (1, "NOT_FOUND")
    )


def test_where_nobody_listens_every_program_says_so(programs: Programs) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"127.0.0.1:{listener.getsockname()[1]}"
    said = ask_all(programs, dict.fromkeys(("grpc", "http", "kafka"), nobody), timeout="2")
    assert {status for status, _, _ in said.values()} == {1}
    assert {code for _, _, code in said.values()} <= {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
