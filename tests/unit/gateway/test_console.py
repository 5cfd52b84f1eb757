from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pointsman.core.spec import Route
from pointsman.core.table import RouteTable, VersionState
from pointsman.gateway import console as console_room
from pointsman.gateway.access import Access
from pointsman.gateway.console import FILES, Console
from pointsman.gateway.console_state import natural
from pointsman.gateway.keyring import Keyring
from pointsman.gateway.meter import Meter
from pointsman.http.app import Request, Response
from tests.unit.gateway.keys import key, write
from tests.unit.gateway.scene import run, table


class Bench:
    """A console over tables that the test changes, at a time that the test sets."""

    def __init__(self, access: Access | None = None) -> None:
        self.now = 100.0
        self.tables: dict[str, RouteTable] = {}
        self.meter = Meter(self.tables, lambda: self.now)
        access = access or Access(None, lambda: 0)
        self.console = Console(self.tables, access, self.meter, lambda: 3, lambda: self.now, 42)

    def get(self, path: str, method: str = "GET", **headers: str) -> Response:
        return run(self.console, Request(method, path, b"", {"accept": "text/html", **headers}))

    def state(self, **headers: str) -> Any:
        self.now += 1
        return msgspec.json.decode(self.get("/console/state", **headers).body)


def test_the_state_has_the_split_in_force_the_labels_and_what_was_measured() -> None:
    bench = Bench()
    ready = VersionState.READY
    made = table("m", v2=ready, v10=ready, v1=VersionState.LOADING)
    route = Route({"v2": 3000, "v10": 1000, "v1": 6000})
    bench.tables["m"] = msgspec.structs.replace(made, route=route, labels={"b": "v2", "a": "v2"})
    for _ in range(20):
        bench.meter.note("m", "v2", 0.004)
    bench.meter.note("m", "", 0.001, "UNAVAILABLE")
    bench.meter.note("stranger", "", 0.001, "NOT_FOUND")
    bench.now += 8
    state = bench.state()
    assert {
        name: state["gateway"][name] for name in ("process", "in_flight", "uptime_s", "unknown_rate")
    } == {
        "process": 42,
        "in_flight": 3,
        "uptime_s": 9.0,
        "unknown_rate": pytest.approx(1 / 9, abs=1e-4),
    }
    [model] = state["models"]
    assert (model["model"], model["epoch"]) == ("m", 7)
    assert model["error_rate"] == pytest.approx(1 / 9, abs=1e-4)
    assert [(one["version"], one["state"], one["weight"]) for one in model["versions"]] == [
        ("v1", "LOADING", 0.0),
        ("v2", "READY", 75.0),
        ("v10", "READY", 25.0),
    ]
    v2 = model["versions"][1]
    assert (v2["labels"], v2["pool"], v2["runtime"]) == (["a", "b"], "default", "torch")
    assert v2["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]
    assert v2["recent"]["p50_ms"] == pytest.approx(4, rel=0.05)
    assert (v2["recent"]["requests"], v2["longer"]["requests"], v2["total"]) == (20, 20, 20)
    assert (sum(v2["requests"]), v2["errors"]) == (20, [])


def test_who_asks_for_no_html_is_told_that_the_gateway_lives() -> None:
    answer = Bench().get("/", accept="*/*")
    assert (msgspec.json.decode(answer.body), answer.content_type) == (
        {"status": "alive"},
        "application/json",
    )


def test_several_who_look_at_once_cost_one_look() -> None:
    bench = Bench()
    assert bench.state()["models"] == []
    bench.tables["m"] = table("m", v1=VersionState.READY)
    same = msgspec.json.decode(bench.get("/console/state").body)
    assert same["models"] == []
    assert len(bench.state()["models"]) == 1


def test_the_state_is_for_those_who_have_a_key_and_shows_them_their_models(tmp_path: Path) -> None:
    write(tmp_path / "keys", key("mine", models=("m",)))
    bench = Bench(Access(Keyring(tmp_path / "keys", lambda: 0), lambda: 0))
    bench.tables |= {"m": table("m", v1=VersionState.READY), "other": table("other")}
    assert bench.get("/console/state").status == 401
    assert bench.get("/").status == 200
    assert [model["model"] for model in bench.state(**{"x-api-key": "mine-text"})["models"]] == ["m"]


def test_every_file_of_the_page_is_served_under_a_strict_policy() -> None:
    bench = Bench()
    folder = Path(console_room.__file__).parent / "page"
    assert {path.name for path in folder.iterdir()} == set(FILES)
    for name in FILES:
        answer = bench.get("/" if name == "index.html" else f"/console/{name}")
        assert (answer.body, answer.status) == ((folder / name).read_bytes(), 200)
        policy = dict(answer.headers)["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy


def test_the_page_takes_nothing_from_elsewhere_and_has_nothing_inline() -> None:
    for name in FILES:
        text = Bench().get("/" if name == "index.html" else f"/console/{name}").body.decode()
        said = text.replace("http://www.w3.org/2000/svg", "")
        for never in ("http:", "https:", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
            assert never not in said, (name, never)
        for kept in ("localStorage", "sessionStorage", "indexedDB", "document.cookie"):
            assert kept not in said, (name, kept)


@pytest.mark.parametrize(
    "path", ["//", "/console", "/console/", "/console/index.html", "/console/../meter.py"]
)
def test_there_is_nothing_at_any_other_path(path: str) -> None:
    assert Bench().get(path).status == 404


def test_the_page_is_read_only() -> None:
    assert [Bench().get(path, "POST").status for path in ("/", "/console/state")] == [405, 405]
    assert Bench().get("/", "HEAD").status == 200


def test_names_sort_as_people_count() -> None:
    assert sorted(["10", "2", "v10", "v9", "a", "1.10", "1.9"], key=natural) == [
        "1.9",
        "1.10",
        "2",
        "10",
        "a",
        "v9",
        "v10",
    ]
