"""What the reference pages show is what the code takes and says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml

from pointsman.core.spec import Limits, Route, VersionSpec
from pointsman.core.tensor import Item, Signature, TensorSpec
from pointsman.pb.v1 import routing_pb2
from pointsman.runtimes.base import Key
from pointsman.runtimes.host import Ran
from pointsman.settings import Settings
from pointsman.topics import REQUESTS_JSON, RESPONSES, TABLE
from tests.protocol.world import Doubling, Router, Shard, asked_json, events
from tests.readme.page import ROOT, blocks

CONTROL, TOPICS, OPERATIONS = "docs/control.md", "docs/topics.md", "docs/operations.md"
# A refusal's row: the command, perhaps with a word on its key; the code; the field.
ROW = re.compile(r"^\| `(\{.*\})`[^|]* \| ([A-Z_]+) \| `([^`]+)` \|$", re.MULTILINE)
REFUSALS = ROW.findall((ROOT / CONTROL).read_text())
assert REFUSALS, "the page has no table of refusals"


def objects(body: str) -> list[dict[str, Any]]:
    """Return the JSON objects of a block: one over several lines, or one per line."""
    try:
        return [json.loads(body)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in body.splitlines()]


class Page:
    """The commands of the control page, obeyed in order by a router per model."""

    def __init__(self) -> None:
        self._routers: dict[str, Router] = {}
        self.said: list[dict[str, Any]] = []

    def obey(self, text: str, model: str, offset: int) -> dict[str, Any]:
        """Obey a command and return its acknowledgement; what is to load is ready at once."""
        router = self._routers.setdefault(model, Router(model))
        said = events(router.obey(text.encode(), key=model.encode(), offset=offset))
        self.said += said
        if router.table.versions:
            self.said += events(router.hear(dict.fromkeys(router.table.versions, routing_pb2.READY)))
        return next(event for event in said if event["type"] == "ack")


def commands() -> Iterator[tuple[str, str]]:
    """Yield each command of the control page as its text and its model."""
    for block in blocks(CONTROL):
        if block.language == "yaml":
            yield block.body, _model(block.body)
        if block.language == "json":
            for value in objects(block.body):
                if "type" not in value:
                    yield json.dumps(value), value["model"]


def _model(text: str) -> str:
    return str(yaml.safe_load(text)["model"])


def test_every_command_of_the_control_page_is_obeyed_and_every_event_is_one_that_it_causes() -> None:
    page = Page()
    acks = [page.obey(text, model, offset) for offset, (text, model) in enumerate(commands())]
    assert [ack["command"] for ack in acks if not ack["ok"]] == ["bad-1"]
    shown = [
        event
        for block in blocks(CONTROL)
        if block.language == "json"
        for event in objects(block.body)
        if "type" in event
    ]
    assert len(shown) > 4
    said = [{**event, "at_ms": 0} for event in page.said]
    assert [event for event in shown if {**event, "at_ms": 0} not in said] == []


@pytest.mark.parametrize(("command", "code", "field"), REFUSALS)
def test_every_refusal_of_the_control_page_is_what_the_router_says(
    command: str, code: str, field: str
) -> None:
    router = Router(check_artifacts="nowhere" in command)
    router.obey(blocks(CONTROL)[0].body.encode())
    (ack,) = events(router.obey({"model": "digits", "id": "refused", **json.loads(command)}))
    assert (ack["error"]["code"], ack["error"]["field"]) == (code, field)


class Scoring(Doubling):
    """The model of the topics page."""

    def __init__(self) -> None:
        inputs = (TensorSpec("features", "FP32", (-1, 3)),)
        super().__init__(Signature(inputs, (TensorSpec("score", "FP32", (-1,)),)))

    async def run(self, _key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
        """Run a batch."""
        weights = np.array([0.5, 0.3, 0.2], np.float32)
        return Ran([{"score": item["features"] @ weights} for item in items], 11, len(items))


def test_every_request_of_the_topics_page_gets_the_answer_shown_after_it() -> None:
    shown = [value for block in blocks(TOPICS) if block.language == "json" for value in objects(block.body)]
    pairs = list(zip(shown[::2], shown[1::2], strict=True))
    assert len(pairs) > 3
    for asked, answered in pairs:
        reply = Shard(Scoring()).serve(
            asked_json(asked, topic=REQUESTS_JSON), features=["tenure", "orders", "returns"]
        )
        (record,) = reply.to(RESPONSES)
        said = json.loads(record.value)
        assert said.keys() == answered.keys()
        assert said["parameters"].keys() == answered["parameters"].keys()
        for part in ("outputs", "predictions", "columns", "error", "context"):
            assert said.get(part) == answered.get(part)


@pytest.mark.parametrize(
    ("page", "section"),
    [(TOPICS, ""), ("docs/own-pod.md", ""), ("docs/runtimes.md", "Computed elsewhere")],
)
def test_every_model_of_a_page_is_applied(page: str, section: str) -> None:
    for block in blocks(page, section):
        if block.language == "yaml" and "model" in yaml.safe_load(block.body):
            router = Router(_model(block.body), outputs=("answers",))
            said = events(router.obey(block.body.encode(), key=b""))
            assert [event["ok"] for event in said if event["type"] == "ack"] == [True], said


def test_the_topics_page_has_the_table_of_the_code() -> None:
    days = {-1: "for ever", **{day * 86_400_000: f"{day} day{'s' * (day > 1)}" for day in (1, 7, 30)}}
    rows = re.findall(
        r"^\| `(pointsman\.[\w.-]+)` \| (\d+) \| ([^|]+) \| ([^|]+) \|",
        (ROOT / TOPICS).read_text(),
        re.MULTILINE,
    )
    wanted = [
        (
            topic.name,
            str(topic.partitions),
            "compacted" if topic.compacted else days[topic.retention_ms],
            f"{topic.max_bytes >> 20} MiB" if topic.max_bytes >> 20 else f"{topic.max_bytes >> 10} KiB",
        )
        for topic in TABLE
    ]
    assert rows == wanted


def test_every_setting_is_on_the_operations_page_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(POINTSMAN_\w+)` \|", (ROOT / OPERATIONS).read_text(), re.MULTILINE)
    assert rows == [(name, f"POINTSMAN_{name.upper()}") for name in Settings.__struct_fields__]


@pytest.mark.parametrize("kind", [VersionSpec, Route, Limits])
def test_every_field_of_the_model_file_is_on_the_control_page(kind: type[msgspec.Struct]) -> None:
    prefix = {"VersionSpec": "", "Route": "route.", "Limits": "limits."}[kind.__name__]
    fields = {prefix + name.removesuffix("_ms") for name in kind.__struct_fields__}
    assert fields <= set(re.findall(r"^\| `([\w.]+)` \|", (ROOT / CONTROL).read_text(), re.MULTILINE))
