"""The doors where keys are needed."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest

from pointsman.gateway import encoding
from pointsman.gateway.access import Access
from pointsman.gateway.keyring import Keyring
from tests.unit.gateway.keys import Clock, key, write
from tests.unit.gateway.scene import Scene

BODY = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}
ADA, BOB, ROOT = ({"x_api_key": f"{name}-text"} for name in ("ada", "bob", "root"))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    clock, file = Clock(), tmp_path / "keys.jsonl"
    write(
        file,
        key("ada", models=("m",), rate=1, burst=2),
        key("bob", models=("dead",)),
        key("root", may_control=True),
    )
    return Scene(access=Access(Keyring(file, clock), clock))


def test_without_a_key_nothing_is_asked_or_told(scene: Scene) -> None:
    for method, path in (
        ("POST", "/v2/models/m/infer"),
        ("POST", "/v1/models/m:predict"),
        ("GET", "/v2/models/m"),
        ("GET", "/v2/models/stats"),
        ("POST", "/v2/repository/index"),
        ("GET", "/v1/models"),
        ("GET", "/usage"),
        ("GET", "/metrics"),
    ):
        body = {**BODY, "instances": [[1, 2]]} if "infer" in path else {"instances": [[1, 2]]}
        answer = scene.ask(method, path, body if method == "POST" and "repository" not in path else b"")
        assert (path, answer.status) == (path, 401)
        assert dict(answer.headers)["www-authenticate"].startswith("Bearer")
    assert scene.plane.calls == []


HOSTILE = gzip.compress(b'{"inputs": ' + b"[" * 100_000)


@pytest.mark.parametrize("path", ["/v2/models/m/infer", "/v1/models/m:predict", "/v1/models/nix:classify"])
def test_nothing_of_a_strangers_body_is_looked_at(
    scene: Scene, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(*_: object) -> None:
        raise AssertionError("a stranger's body was looked at")

    monkeypatch.setattr(encoding, "unpacked", looked)
    for headers in ({}, {"x_api_key": "wrong"}, {"inference_header_content_length": "0"}):
        assert scene.ask("POST", path, HOSTILE, content_encoding="gzip", **headers).status == 401
    assert next(one.errors for one in scene.desk.usage.snapshot()).keys() == {"UNAUTHENTICATED"}


def test_what_a_signature_is_is_told_to_nobody_who_may_not_ask(scene: Scene) -> None:
    answer = scene.ask("POST", "/v2/models/m/infer", b"123", inference_header_content_length="0", **BOB)
    assert (answer.status, b"shape" in answer.body) == (403, False)


def test_a_key_asks_its_models_at_its_rate(scene: Scene) -> None:
    asked = [scene.ask("POST", "/v2/models/m/infer", BODY, **ADA) for _ in range(3)]
    assert [answer.status for answer in asked] == [200, 200, 429]
    assert dict(asked[2].headers)["retry-after"] == "1"
    assert scene.ask("POST", "/v2/models/m/infer", BODY, **BOB).status == 403
    assert [call.key for call in scene.plane.calls] == ["ada", "ada"]


def test_lists_show_a_key_what_it_may_ask(scene: Scene) -> None:
    models = msgspec.json.decode(scene.ask("GET", "/v1/models", **BOB).body)["models"]
    assert models == ["dead"]
    index = msgspec.json.decode(scene.ask("POST", "/v2/repository/index", **ADA).body)
    assert {one["name"] for one in index} == {"m"}


def test_models_are_controlled_by_keys_that_may(scene: Scene) -> None:
    path = "/v2/repository/models/m/load"
    assert [scene.ask("POST", path, **who).status for who in (ADA, ROOT)] == [403, 200]


def test_a_key_sees_its_own_totals_and_one_that_may_control_all(scene: Scene) -> None:
    scene.ask("POST", "/v2/models/m/infer", BODY, **ADA)
    scene.ask("POST", "/v2/models/m/infer", BODY, **ROOT)

    def seen(who: dict[str, str]) -> set[str]:
        return {one["key"] for one in msgspec.json.decode(scene.ask("GET", "/usage", **who).body)["usage"]}

    assert (seen(ADA), seen(BOB), seen(ROOT)) == ({"ada"}, set(), {"ada", "root"})
