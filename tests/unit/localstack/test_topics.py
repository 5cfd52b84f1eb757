"""Which topics a stack creates."""

from __future__ import annotations

import pytest

from pointsman.errors import SettingsError
from pointsman.localstack.topics import input_topic, wanted
from pointsman.settings import Settings
from pointsman.topics import MAX_OUTPUT_BYTES, MAX_REQUEST_BYTES, TABLE


def test_the_table_comes_first_and_whole() -> None:
    assert wanted(Settings())[: len(TABLE)] == TABLE


def test_own_inputs_and_outputs_are_created_too() -> None:
    settings = Settings(inputs=("orders=json", "raw=protobuf:digits"), outputs=("scores",))
    own = {topic.name: topic for topic in wanted(settings)[len(TABLE) :]}
    assert (own["orders"].format, own["raw"].format, own["scores"].format) == ("json", "protobuf:digits", "")
    assert (own["orders"].max_bytes, own["scores"].max_bytes) == (MAX_REQUEST_BYTES, MAX_OUTPUT_BYTES)


def test_an_input_for_a_model_that_cannot_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match="a model's name is"):
        input_topic("orders=json:Bad Name")


@pytest.mark.parametrize("text", ["orders", "=json", "orders=avro", "orders=", "orders=json5:m"])
def test_an_input_without_a_known_format_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"TOPIC=FORMAT\[:MODEL\]"):
        input_topic(text)
