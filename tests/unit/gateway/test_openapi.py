"""What the document says is there is there, and what is there is in the document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.unit.gateway.scene import Scene

DOCUMENT: dict[str, Any] = msgspec.json.decode(Scene().ask("GET", "/openapi.json").body)
OPERATIONS = [(method, path) for path, item in DOCUMENT["paths"].items() for method in item]
# Values for which there is an answer.
VALUES = {"model": "m", "version": "v1", "number": "1", "label": "stable"}


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from references(one)


def test_every_reference_leads_somewhere() -> None:
    for reference in set(references(DOCUMENT)):
        found = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        assert found


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_is_there(method: str, path: str) -> None:
    named = re.findall(r"\{(\w+)\}", path)
    where = re.sub(r"\{(\w+)\}", lambda name: VALUES[name[1]], path)
    said = Scene().ask(method.upper(), where)
    missing = {b'"there is nothing at', b'"send '}
    assert not any(word in said.body for word in missing), said
    declared = {
        DOCUMENT["components"]["parameters"][ref.rpartition("/")[2]]["name"]
        for ref in references(DOCUMENT["paths"][path][method].get("parameters", []))
    }
    assert set(named) <= declared


def test_the_parts_of_an_answer_are_those_of_its_schema() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
    for method, path, body, name in (
        ("GET", "/v2", b"", "ServerMetadata"),
        ("GET", "/v2/models/m", b"", "ModelMetadata"),
        ("GET", "/v2/health/live", b"", "Health"),
        ("POST", "/v2/models/m/infer", {"inputs": [tensor]}, "InferenceResponse"),
        ("GET", "/v1/models/m", b"", "ModelStatus"),
        ("GET", "/v2/nothing", b"", "Error"),
    ):
        said = msgspec.json.decode(Scene().ask(method, path, body).body)
        assert set(schemas[name]["required"]) <= set(said) <= set(schemas[name]["properties"]), name
