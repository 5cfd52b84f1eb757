"""The file of `publish --steps`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pointsman.cli.steps import read_steps
from pointsman.errors import SettingsError
from pointsman.stores.artifacts import Artifacts


def test_what_steps_read_goes_into_the_store(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    file = tmp_path / "steps.yaml"
    file.write_text(
        "before:\n- {use: text, uri: tokenizer.json, options: {max_length: '9'}}\n- {use: 'a:b'}\n"
        "after: [{use: pool}, {use: 'a:b', uri: 'file:///elsewhere'}]\n"
    )
    store = tmp_path / "store"
    steps = read_steps(str(file), Artifacts(store).put)
    digest = hashlib.sha256(b"{}").hexdigest()
    place = store / digest[:2] / digest / "tokenizer.json"
    assert place.read_bytes() == b"{}"
    text = {"use": "text", "uri": place.as_uri(), "sha256": digest, "options": {"max_length": "9"}}
    assert steps == {
        "before": [text, {"use": "a:b"}],
        "after": [{"use": "pool"}, {"use": "a:b", "uri": "file:///elsewhere"}],
    }


@pytest.mark.parametrize("uri", [f"blob:{'0' * 64}/a.json", "data:;base64,e30=", "s3://bucket/a.json"])
def test_a_step_that_names_where_its_file_is_stays_as_it_is(tmp_path: Path, uri: str) -> None:
    file = tmp_path / "steps.yaml"
    file.write_text(f"before: [{{use: text, uri: '{uri}'}}]")
    assert read_steps(str(file), Artifacts(tmp_path / "store").put) == {
        "before": [{"use": "text", "uri": uri}]
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("before: [", "while parsing"),
        ("- use: text", "`before` and `after`, and nothing else"),
        ("model: m", "`before` and `after`, and nothing else"),
        ("before: [{use: text, uri: gone.json}]", "gone.json"),
    ],
)
def test_a_file_that_holds_no_steps_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "steps.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=said) as error:
        read_steps(str(file), Artifacts(tmp_path / "store").put)
    assert str(file) in str(error.value)
