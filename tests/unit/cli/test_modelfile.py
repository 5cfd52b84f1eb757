"""Model files as people write them."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from pointsman.cli.modelfile import read
from pointsman.errors import SettingsError


def write(folder: Path, text: str) -> str:
    file = folder / "model.yaml"
    file.write_text(text)
    return str(file)


def test_a_relative_path_becomes_a_file_uri_with_its_digest(tmp_path: Path) -> None:
    (tmp_path / "a b.safetensors").write_bytes(b"weights")
    (spec,) = read(write(tmp_path, "model: m\nversions: {1: {uri: a b.safetensors, example: x.npy}}"))
    version = spec["versions"]["1"]
    assert version["uri"] == (tmp_path / "a b.safetensors").as_uri()
    assert version["example"] == (tmp_path / "x.npy").as_uri()
    assert version["sha256"] == hashlib.sha256(b"weights").hexdigest()


def test_a_steps_file_is_found_as_the_artifact_is(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    steps = "[{use: text, uri: tokenizer.json}, {use: 'a:b'}]"
    text = f"model: m\nversions: {{1: {{uri: 'python:a:B', before: {steps}}}}}"
    (spec,) = read(write(tmp_path, text))
    assert spec["versions"]["1"]["before"] == [
        {
            "use": "text",
            "uri": (tmp_path / "tokenizer.json").as_uri(),
            "sha256": hashlib.sha256(b"{}").hexdigest(),
        },
        {"use": "a:b"},
    ]


def test_a_class_and_a_remote_artifact_stay_as_they_are(tmp_path: Path) -> None:
    text = "model: m\nversions: {a: {uri: 'python:pkg:Class'}, b: {uri: 's3://bucket/x'}}"
    (spec,) = read(write(tmp_path, text))
    assert spec["versions"] == {"a": {"uri": "python:pkg:Class"}, "b": {"uri": "s3://bucket/x"}}


def test_a_given_digest_is_not_computed(tmp_path: Path) -> None:
    (spec,) = read(write(tmp_path, "model: m\nversions: {1: {uri: 'file:///nowhere', sha256: abc}}"))
    assert spec["versions"]["1"]["sha256"] == "abc"


def test_a_file_may_hold_several_models(tmp_path: Path) -> None:
    assert [spec["model"] for spec in read(write(tmp_path, "model: a\n---\nmodel: b\n"))] == ["a", "b"]


def test_standard_input_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("model: m"))
    assert read("-") == [{"model": "m"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no model"),
        ("- 1", "begins with `model: NAME`"),
        ("versions: {}", "begins with `model: NAME`"),
        ("model: [", "is not YAML"),
        ("model: m\nsince: 2025-02-31", "is not YAML"),
        ("model: m\nversions: {1: {uri: gone.safetensors}}", "gone.safetensors: No such file"),
    ],
)
def test_a_file_that_is_no_model_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read(write(tmp_path, text))


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read(str(tmp_path / "none.yaml"))


def test_what_the_router_must_judge_goes_through_unchanged(tmp_path: Path) -> None:
    (spec,) = read(write(tmp_path, "model: m\nversions: {1: 5}\nroute: {split: {1: -90}}"))
    assert spec == {"model": "m", "versions": {"1": 5}, "route": {"split": {1: -90}}}
