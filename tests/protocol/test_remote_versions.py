"""A shard whose version is a real remote: it answers, hands on while that is down, and answers again."""

from __future__ import annotations

import asyncio
import time

from pointsman.http.app import Request, Response
from pointsman.pb.v1 import serving_pb2
from pointsman.runtimes.base import Key
from pointsman.runtimes.host import Host
from pointsman.settings import Settings
from pointsman.statefun.claims import Claims
from pointsman.statefun.model_fn import ModelFunction
from pointsman.statefun.protocol import DIVERTED, TASKS
from pointsman.statefun.server import FunctionServer
from pointsman.testing.engine import Address, Reply
from pointsman.topics import RESPONSES
from tests.protocol.world import asked, output, task_batch
from tests.unit.gateway.scene import Scene
from tests.unit.http.thread import ServerThread
from tests.unit.runtimes.remote.servers import Doubles, json_answer, spec


def test_a_remote_answers_and_is_stood_in_for_while_it_is_down_and_answers_again() -> None:
    site, down = Scene(plane=Doubles()).site, [False]

    async def serve(request: Request) -> Response:
        return json_answer({"error": "down for repair"}, 503) if down[0] else await site(request)

    async def story(url: str) -> None:
        host = Host(Settings(remotes=(url,)))
        server = FunctionServer()
        server.bind("models", "*", ModelFunction(host, Claims(None)))
        shard = Address(server, "models", "default", "digits~1~0")

        async def ask() -> Reply:
            return await shard.call_async((TASKS, task_batch(asked("a"), asked("b"), fallback="2")))

        version = spec(f"{url}/v2/models/m", options={"retries": 0})
        await host.hold(Key("digits", "1", 5), version, lambda state, reason: None)
        try:
            assert [output(record) for record in (await ask()).to(RESPONSES)] == [[2, 2], [2, 2]]
            down[0] = True
            reasons = [reason for _ in range(7) for reason in _handed_on(await ask())]
            assert reasons[0] == "the remote says: down for repair"
            assert "did not answer lately" in reasons[-1]
            down[0] = False
            limit = time.monotonic() + 20
            while not (reply := await ask()).to(RESPONSES):
                assert time.monotonic() < limit
                await asyncio.sleep(0.05)
            assert [output(record) for record in reply.to(RESPONSES)] == [[2, 2], [2, 2]]
        finally:
            await host.close()

    with ServerThread(serve) as running:
        asyncio.run(asyncio.wait_for(story(running.url), 60))


def _handed_on(reply: Reply) -> list[str]:
    """Return why requests go to the fallback; none of them is answered as well."""
    assert reply.to(RESPONSES) == []
    messages = [sent.value for sent in reply.sent if sent.typename == DIVERTED]
    return [serving_pb2.Diverted.FromString(value).error.message for value in messages]
