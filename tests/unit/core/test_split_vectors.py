"""The published vectors hold for the product; they come from code that shares nothing with it."""

from __future__ import annotations

import json
from decimal import Decimal, localcontext
from typing import Any

import pytest
import xxhash

from pointsman.core import split
from tests.vectors import make_split, reference_split

VECTORS: dict[str, Any] = json.loads(make_split.PATH.read_text())


def test_the_file_is_what_its_script_writes() -> None:
    assert json.loads(json.dumps(make_split.vectors())) == VECTORS


def test_the_hash_written_by_hand_is_the_published_xxh64() -> None:
    for row in VECTORS["xxh64"]:
        assert f"{xxhash.xxh64_intdigest(row['text'].encode(), int(row['seed'], 16)):016x}" == row["hash"]
    assert reference_split.xxh64(b"", 0) == 0xEF46DB3751D8E999  # from the specification of XXH64


def test_the_table_of_logarithms_holds() -> None:
    samples = {int(index): value for index, value in VECTORS["log2"]["samples"].items()}
    assert {index: split.LOG2[index] for index in samples} == samples
    assert sum(split.LOG2) == VECTORS["log2"]["sum"]
    assert list(split.LOG2) == reference_split.TABLE


@pytest.mark.parametrize("index", [0, 1, 2, 511, 512, 777, 1023, 1024])
def test_the_table_is_the_logarithm_rounded_down(index: int) -> None:
    with localcontext() as context:
        context.prec = 60
        exact = (1 + Decimal(index) / 1024).ln() / Decimal(2).ln() * 2**32
        assert split.LOG2[index] == int(exact + Decimal("1e-40"))


def test_units_hash_as_published() -> None:
    for row in VECTORS["unit_hash"]:
        base = split.arms(row["experiment"], {"1": 1}).base
        assert f"{xxhash.xxh64_intdigest(row['unit'].encode(), base):016x}" == row["hash"]


def test_costs_are_as_published() -> None:
    for row in VECTORS["cost"]:
        assert split._cost(int(row["mixed"], 16)) == row["cost"]


@pytest.mark.parametrize("row", VECTORS["arm"], ids=lambda row: f"{row['experiment']}-{len(row['weights'])}")
def test_units_go_to_the_published_arms(row: dict[str, Any]) -> None:
    arms = split.arms(row["experiment"], row["weights"])
    units = list(row["arms"])
    assert {unit: arms.names[split.draw(arms, unit)] for unit in units} == row["arms"]
    assert [arms.names[index] for index in split.draw_many(arms, units)] == list(row["arms"].values())
