"""The local topology is derived from module.yaml and differs in addresses alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.errors import StackError
from pointsman.localstack.module import EGRESS, INGRESS, Addresses, extended
from pointsman.localstack.topics import input_topic
from pointsman.topics import TABLE

SOURCE = (Path(__file__).parents[3] / "module.yaml").read_text()
ADDRESSES = Addresses("127.0.0.1:19092", 18000, Path("/a folder/pools.properties"))


def documents(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


def spec_of(text: str, key: str, value: str) -> dict[str, Any]:
    return next(d["spec"] for d in documents(text) if d["spec"].get(key) == value)


def test_every_broker_address_is_the_local_one() -> None:
    specs = [document["spec"] for document in documents(extended(SOURCE, addresses=ADDRESSES))]
    addresses = [spec["address"] for spec in specs if "address" in spec]
    assert len(addresses) >= 3
    assert set(addresses) == {"127.0.0.1:19092"}


def test_the_router_keeps_its_path() -> None:
    before = spec_of(SOURCE, "functions", "pointsman/*")["urlPathTemplate"]
    after = spec_of(extended(SOURCE, addresses=ADDRESSES), "functions", "pointsman/*")["urlPathTemplate"]
    assert after == before.replace("router:8000", "127.0.0.1:18000")


def test_pools_are_looked_up_in_the_pools_file() -> None:
    spec = spec_of(extended(SOURCE, addresses=ADDRESSES), "functions", "models/*")
    assert spec["urlPathTemplate"].endswith("/{function.name}")
    assert spec["transport"]["pools_file"] == "/a folder/pools.properties"


def test_nothing_else_changes() -> None:
    for before, after in zip(
        documents(SOURCE), documents(extended(SOURCE, addresses=ADDRESSES)), strict=True
    ):
        for spec in (before["spec"], after["spec"]):
            spec.pop("address", None)
            spec.pop("urlPathTemplate", None)
            spec.get("transport", {}).pop("pools_file", None)
        assert before == after


def test_an_own_input_is_read_and_declared() -> None:
    topic = input_topic("orders=json:churn")
    spec = spec_of(extended(SOURCE, (topic,)), "id", "pointsman/requests")
    assert spec["topics"][-1] == {**spec["topics"][0], "topic": "orders"}
    (declared,) = [entry["pointsman.topics"] for entry in spec["properties"] if "pointsman.topics" in entry]
    assert declared.endswith(",orders=json:churn")


def test_the_module_holds_no_alias_which_the_engine_would_not_resolve() -> None:
    text = extended(SOURCE, (input_topic("orders=json:churn"),), transactions=True)
    assert not any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text))


def test_the_source_names_the_topics_of_the_table() -> None:
    ingresses = [document["spec"] for document in documents(SOURCE) if document["kind"] == INGRESS]
    read = {topic["topic"] for spec in ingresses for topic in spec["topics"]}
    assert read == {topic.name for topic in TABLE if topic.format}


def test_the_second_egress_writes_as_the_first_does_but_in_transactions() -> None:
    text = extended(SOURCE, transactions=True)
    first, second = spec_of(text, "id", "pointsman/out"), spec_of(text, "id", "pointsman/once")
    assert second == {
        "id": "pointsman/once",
        "address": first["address"],
        "transactionTimeout": f"{7 * 24 * 3600 * 1000} ms",
        "properties": first["properties"],
    }
    assert [document["kind"] for document in documents(extended(SOURCE))].count(EGRESS) == 1


@pytest.mark.parametrize("text", ["", "kind: x", "a: [", "- 1"])
def test_what_is_no_module_is_an_error(text: str) -> None:
    with pytest.raises(StackError, match="no"):
        extended(text)
