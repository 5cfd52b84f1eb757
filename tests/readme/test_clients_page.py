"""The programs of the page on clients print what it shows, and what it says of them is so."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from unittest.mock import create_autospec

import numpy as np
import pytest
from typer.testing import CliRunner

import pointsman.client
from pointsman import errors
from pointsman.cli.main import app
from pointsman.client import Client, Prediction
from pointsman.client.grpc import AsyncGrpcClient, GrpcClient
from pointsman.client.http import AsyncHttpClient, HttpClient
from pointsman.core.table import VersionState
from pointsman.gateway.access import Access
from pointsman.gateway.call import Call
from pointsman.gateway.depot import Depot
from pointsman.gateway.desk import Desk
from pointsman.gateway.oip import OipDoor
from pointsman.gateway.site import Site
from pointsman.pb.v1 import inference_pb2 as pb
from tests.readme.page import ROOT, Block, blocks, steps, unseen
from tests.unit.gateway.grpc.thread import in_a_thread
from tests.unit.gateway.scene import NoRepository, table
from tests.unit.http.thread import ServerThread

PAGE = "docs/clients.md"
TEXT = (ROOT / PAGE).read_text()
SHOWN = blocks(PAGE)
PROGRAMS = [(block, after) for block, after in pairwise(SHOWN) if block.language == "python"]
FOR_TESTS = ("transport", "clock", "sleep", "chance")
URL, GRPC_URL = "http://127.0.0.1:8080", "grpc://127.0.0.1:8001"


class Scores:
    """Answers with the tensor that came, as scores."""

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """See Plane."""
        outputs = pb.Tensors(tensors=call.tensors)
        outputs.tensors[0].name = "scores"
        return pb.InferenceResponse(model=call.model, version="1", arm="1", epoch=7, outputs=outputs)


@pytest.fixture(scope="module")
def desk() -> Desk:
    """Return the desk of a gateway with the models of the page."""
    tables = {"digits": table("digits", **{"1": VersionState.READY, "2": VersionState.LOADING})}
    return Desk(Scores(), tables, Access(None, lambda: 0))


@pytest.fixture(scope="module")
def url(desk: Desk) -> Iterator[str]:
    """Yield the URL of the gateway over HTTP."""
    with ServerThread(Site({"v2": OipDoor(desk, NoRepository(), Depot(None), lambda: True)})) as server:
        yield server.url


@pytest.fixture(scope="module")
def grpc_url(desk: Desk) -> Iterator[str]:
    """Yield the URL of the gateway over gRPC."""
    with in_a_thread(desk) as address:
        yield f"grpc://{address}"


@pytest.mark.parametrize(("block", "after"), PROGRAMS)
def test_every_program_prints_what_is_shown_after_it(
    block: Block,
    after: Block,
    url: str,
    grpc_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kafka = create_autospec(Client)
    kafka.return_value.__aenter__.return_value = kafka.return_value
    outputs = {"scores": np.zeros((1, 64), np.float32)}
    kafka.return_value.predict.return_value = Prediction("1", version="1", epoch=7, outputs=outputs)
    monkeypatch.setattr(pointsman.client, "Client", kafka)
    program = block.body.replace(URL, url).replace(GRPC_URL, grpc_url)
    exec(compile(program, PAGE, "exec"), {"__name__": "__main__"})
    assert (after.language, after.follows) == ("text", True)
    assert capsys.readouterr().out == after.body


def test_there_is_a_program_for_each_client() -> None:
    names = {name for block, _ in PROGRAMS for name in re.findall(r"\b\w*Client\b", block.body)}
    assert names == {"Client", "HttpClient", "AsyncHttpClient", "GrpcClient", "AsyncGrpcClient"}


def test_the_command_prints_what_is_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_URL", url)
    (console,) = (block for block in blocks(PAGE, "Command line") if block.language == "console")
    (step,) = steps(console)
    result = CliRunner().invoke(app, shlex.split(step.command)[1:])
    assert result.exit_code == 0, result.output
    assert unseen(step.shown, result.output) == []


def test_the_clients_take_the_same_and_what_the_page_says() -> None:
    by_kafka = dict(inspect.signature(Client.predict).parameters)
    by_kafka.pop("interactive")
    for client in (HttpClient, AsyncHttpClient, GrpcClient, AsyncGrpcClient):
        assert dict(inspect.signature(client.predict).parameters) == by_kafka
    _, over_http, over_grpc = TEXT.split("| argument")
    for text, clients in (
        (over_http, (HttpClient, AsyncHttpClient)),
        (over_grpc, (GrpcClient, AsyncGrpcClient)),
    ):
        arguments = re.findall(r"^\| `(\w+)` \|", text.partition("\n\n")[0], re.MULTILINE)
        for client in clients:
            taken = [name for name in inspect.signature(client).parameters if name not in FOR_TESTS]
            assert arguments == taken


def test_every_exception_of_the_page_exists() -> None:
    raised = re.findall(r"^\| `(\w+)` \|", TEXT[TEXT.index("| exception") :], re.MULTILINE)
    assert raised == ["Refused", "TimedOut", "ClientError", "SettingsError"]
    assert all(issubclass(getattr(errors, name), errors.PointsmanError) for name in raised)
