"""`pointsman infer` before the gateway's own doors."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from pointsman.cli.main import app
from pointsman.errors import ClientError, Refused, SettingsError, StackError
from pointsman.localstack import record
from pointsman.localstack.home import Home
from pointsman.localstack.record import StackRecord, start_ticks
from tests.unit.gateway.grpc.doors import Plane, served, within
from tests.unit.gateway.scene import Scene
from tests.unit.http.thread import ServerThread

BODY = '{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 2.5]}]}'


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    scene = Scene()
    with ServerThread(scene.site) as server:
        monkeypatch.setenv("POINTSMAN_URL", server.url)
        yield scene


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("POINTSMAN_URL", "POINTSMAN_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POINTSMAN_HOME", str(tmp_path))
    return Home(tmp_path)


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["infer", *arguments])
    if result.exception is not None:
        raise result.exception
    return result


def running(home: Home, http: str) -> None:
    """Write the record of a stack that runs and has this gateway."""
    own = os.getpid()
    stack = StackRecord(own, start_ticks(own), "kafka:9092", "", "", http=http, phase="ready")
    record.save(home, stack)


def test_an_answer_is_printed_with_who_gave_it(gateway: Scene) -> None:
    shown = run("m", "--body", BODY).stdout
    assert "m version v1, epoch 7" in shown
    assert "1.5 2.5" in shown


def test_an_array_gets_name_and_dtype_of_the_models_metadata(gateway: Scene, tmp_path: Path) -> None:
    np.save(tmp_path / "row.npy", np.array([3, 4]))
    printed = msgspec.json.decode(run("m", str(tmp_path / "row.npy"), "--json").stdout)
    assert printed["outputs"] == {"y": [[3.0, 4.0]]}
    [tensor] = gateway.plane.calls[0].tensors
    assert tensor.datatype == "FP32"


def test_every_option_reaches_the_gateway(gateway: Scene) -> None:
    run(
        "m", "-b", BODY, "--version", "v2", "--label", "canary", "--unit", "u", "--timeout", "5", "--key", "k"
    )
    [call] = gateway.plane.calls
    assert (call.version, call.label, call.unit) == ("v2", "canary", "u")
    assert 4_000 < call.timeout_ms <= 5_000


def test_many_are_sent_and_counted(gateway: Scene) -> None:
    shown = run("m", "--body", BODY, "-n", "70").stdout
    assert "70 answers in" in shown
    assert "versions: v1: 70 (100.0%)" in shown
    lines = run("m", "--body", BODY, "-n", "3", "--json").stdout.splitlines()
    assert len({msgspec.json.decode(line)["id"] for line in lines}) == 3


def test_many_failures_are_counted(gateway: Scene) -> None:
    with pytest.raises(ClientError, match="2 of 2 failed, the first with Request for unknown model"):
        run("nobody", "--body", BODY, "-n", "2")


def test_a_refusal_is_the_servers_sentence(gateway: Scene, tmp_path: Path) -> None:
    np.save(tmp_path / "row.npy", np.zeros((1, 2)))
    for arguments in (("--body", BODY), (str(tmp_path / "row.npy"),)):
        with pytest.raises(Refused, match="NOT_FOUND: Request for unknown model: 'nobody'"):
            run("nobody", *arguments)


def test_the_local_stacks_gateway_is_asked_where_none_is_named(home: Home) -> None:
    with ServerThread(Scene().site) as server:
        running(home, server.url)
        assert "version v1" in run("m", "--body", BODY).stdout


def test_a_stack_without_a_gateway_says_how_to_get_one(home: Home) -> None:
    running(home, "")
    with pytest.raises(StackError, match=r"no gateway.*--gateways 1"):
        run("m", "--body", BODY)


def test_without_a_stack_its_start_is_named() -> None:
    with pytest.raises(StackError, match="start one with `pointsman up`"):
        run("m", "--body", BODY)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give a FILE"),
        (("--body", BODY, "file.json"), "give a FILE"),
        (("--body", BODY, "--url", "127.0.0.1:80"), "http://HOST:PORT"),
        (("--body", BODY, "--ca", "none.pem"), "none.pem: No such file"),
        (("--body", "{", "--url", "http://127.0.0.1:1"), "--body is not JSON"),
    ],
)
def test_a_mistake_is_named(arguments: tuple[str, ...], said: str) -> None:
    more: Any = () if "--url" in arguments else ("--url", "https://gateway")
    with pytest.raises(SettingsError, match=said):
        run("m", *arguments, *more)


def test_nobody_at_the_address_is_told_by_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ClientError, match=f"nothing answers at {url}"):
        run("m", "--body", BODY, "--url", url, "--timeout", "0.5")


@pytest.mark.parametrize("name", ["http", "grpc"])
def test_without_the_library_the_remedy_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"pointsman.client.{name}", None)
    with pytest.raises(SettingsError, match=rf"pip install 'pointsman\[{name}\]'"):
        run("m", "--body", BODY, "--url", f"{name}://gateway:1")


def test_over_grpc_it_is_the_same_command(tmp_path: Path) -> None:
    np.save(tmp_path / "row.npy", np.array([3, 4]))

    async def story() -> None:
        plane = Plane()
        async with served(plane) as (server, _):
            url = ("--url", f"grpc://127.0.0.1:{server.port}")
            shown = await asyncio.to_thread(run, "m", str(tmp_path / "row.npy"), "--unit", "u", *url)
            with pytest.raises(Refused, match="NOT_FOUND"):
                await asyncio.to_thread(run, "nobody", "--body", BODY, *url)
        assert "m version 1, epoch 7: 0.0 ms to the model" in shown.stdout
        assert "3 4" in shown.stdout
        assert (plane.calls[0].tensors[0].datatype, plane.calls[0].unit) == ("FP32", "u")

    within(story())


def test_the_command_line_starts_without_the_library() -> None:
    code = "import sys, pointsman.cli.main; sys.exit('httpx' in sys.modules or 'grpc' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
