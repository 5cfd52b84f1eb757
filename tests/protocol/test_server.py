"""The function server by bytes: which function takes a call, and what it says without state."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NoReturn, TypeAlias

import pytest
from google.protobuf.message import DecodeError
from statefun import Context, Message, StatefulFunctions, StringType, ValueSpec, message_builder
from statefun.request_reply_pb2 import FromFunction, ToFunction

from pointsman.http.app import Request, Response
from pointsman.pb.v1 import routing_pb2, serving_pb2
from pointsman.settings import Settings
from pointsman.statefun.backlog_fn import BacklogFunction
from pointsman.statefun.claims import Claims
from pointsman.statefun.model_fn import ModelFunction
from pointsman.statefun.protocol import ARMS, HANDLE, PODS, REPORT, TABLE
from pointsman.statefun.router_fn import RouterFunction
from pointsman.statefun.server import FunctionServer
from pointsman.statefun.window_fn import WindowFunction
from pointsman.testing.engine import Address
from tests.protocol.world import Doubling, Router, asked, task_batch


def plain() -> StatefulFunctions:
    """Return functions as somebody writes them on the SDK alone."""
    functions = StatefulFunctions()

    @functions.bind("example/greeter", specs=[ValueSpec(name="seen", type=StringType)])
    async def greet(context: Context, message: Message) -> None:
        context.storage.seen = (context.storage.seen or "") + message.as_string()
        context.send(message_builder("example/other", context.address.id, str_value=context.storage.seen))

    return functions


def server() -> FunctionServer:
    made = FunctionServer(plain())
    made.bind("pointsman", "router", RouterFunction(Settings(check_artifacts=False), lambda: 0))
    made.bind("pointsman", "window", WindowFunction(Settings(), lambda: 0))
    made.bind("pointsman", "backlog", BacklogFunction(no_broker))
    made.bind("models", "*", ModelFunction(Doubling(), Claims(None), lambda: 0))
    return made


def no_broker(topic: str, partition: int, _: object) -> NoReturn:
    """Open no cursor."""
    raise RuntimeError(f"{topic} {partition} cannot be read here")


async def posted(body: bytes) -> Response:
    """Return the answer to a call by HTTP."""
    return await server().app().handler(Request("POST", "/", body))


def missing(target: tuple[str, str, str], state: dict[str, str] | None = None) -> dict[str, str]:
    """Return the state values that a function asks for when it gets only `state`."""
    address = Address(server(), *target)
    address.state = {name: (typename, None) for name, typename in (state or {}).items()}
    reply = FromFunction.FromString(asyncio.run(server().reply(address.body([("t/T", b"")]))))
    found = reply.incomplete_invocation_context.missing_values
    assert reply.HasField("incomplete_invocation_context") == bool(found)
    assert all(value.expiration_spec.mode == FromFunction.ExpirationSpec.NONE for value in found)
    return {value.state_name: value.type_typename for value in found}


def test_a_function_asks_for_the_state_that_a_call_does_not_bring() -> None:
    assert missing(("pointsman", "router", "m")) == {"table": TABLE, "arms": ARMS, "pods": PODS}
    assert missing(("models", "any-pool", "m~1~0")) == {"handle": HANDLE, "totals": REPORT}
    assert missing(("example", "greeter", "x")) == {"seen": StringType.typename}


def test_a_function_asks_only_for_what_is_missing() -> None:
    assert missing(("pointsman", "router", "m"), {"table": TABLE, "pods": PODS}) == {"arms": ARMS}
    assert missing(("pointsman", "router", "m"), {"table": TABLE, "pods": PODS, "arms": ARMS}) == {}


def test_the_first_call_of_a_function_does_nothing_before_it_has_its_state() -> None:
    address = Address(server(), "models", "default", "m~1~0")
    body = address.body([("pointsman.v1/TaskBatch", task_batch(asked()))])
    reply = FromFunction.FromString(asyncio.run(server().reply(body)))
    assert not reply.HasField("invocation_result")


def test_functions_of_the_sdk_serve_beside_the_batch_functions() -> None:
    address = Address(server(), "example", "greeter", "ada")
    typename = StringType.typename
    serialize = StringType.serializer().serialize
    reply = address.call((typename, serialize("a")), (typename, serialize("b")))
    assert [(sent.target, StringType.serializer().deserialize(sent.value)) for sent in reply.sent] == [
        ("example/other/ada", "a"),
        ("example/other/ada", "ab"),
    ]
    reply = address.call((typename, serialize("c")))
    assert StringType.serializer().deserialize(reply.sent[0].value) == "abc"


@pytest.mark.parametrize("target", [("nobody", "home", "x"), ("pointsman", "feedback", "m")])
def test_a_call_of_an_unbound_function_is_a_lookup_error(target: tuple[str, str, str]) -> None:
    made = FunctionServer()
    with pytest.raises(LookupError, match=f"{target[0]}/{target[1]}"):
        asyncio.run(made.reply(Address(made, *target).body([])))


def test_state_of_a_newer_release_is_answered_503_and_the_engine_calls_again() -> None:
    router = Address(server(), "pointsman", "router", "m")
    newer = routing_pb2.RouteTable(model="m", schema=2).SerializeToString()
    router.state = {"table": (TABLE, newer), "arms": (ARMS, None), "pods": (PODS, None)}
    response = asyncio.run(posted(router.body([])))
    assert response.status == 503
    assert b"a newer release must read it" in response.body


def test_bytes_that_are_no_call_are_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        asyncio.run(server().reply(b"\xff\xff"))


def test_a_call_without_messages_changes_nothing() -> None:
    router = Router().serving()
    before = dict(router.address.state)
    reply = router.call()
    assert (reply.sent, reply.records, router.address.state) == ([], [], before)


def test_a_value_that_was_never_set_is_told_from_an_empty_one() -> None:
    shard = Address(server(), "models", "default", "m~1~0")
    shard.state = {"handle": (HANDLE, b""), "totals": (REPORT, None)}
    shard.call(("pointsman.v1/TaskBatch", task_batch(asked())))
    assert serving_pb2.BatchReport.FromString(shard.state["totals"][1] or b"").done == 1


def test_the_driver_makes_the_calls_that_the_sdk_reads() -> None:
    address = Address(server(), "example", "greeter", "ada")
    address.state = {"seen": (StringType.typename, StringType.serializer().serialize("x"))}
    call = ToFunction.FromString(address.body([("t/T", b"v")]))
    assert call.invocation.target.id == "ada"
    assert call.invocation.state[0].state_value.has_value
    assert call.invocation.invocations[0].argument.value == b"v"


Kind: TypeAlias = type[RouterFunction] | type[WindowFunction] | type[BacklogFunction] | type[ModelFunction]
TARGETS: Mapping[tuple[str, str, str], Kind] = {
    ("pointsman", "router", "m"): RouterFunction,
    ("pointsman", "window", "m~0"): WindowFunction,
    ("pointsman", "backlog", "m~t~0"): BacklogFunction,
    ("models", "default", "m~1~0"): ModelFunction,
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_message_of_a_newer_release_is_left_to_a_newer_process(
    target: tuple[str, str, str], caplog: pytest.LogCaptureFixture
) -> None:
    address = Address(server(), *target)
    address.state = {name: (typename, None) for name, typename in TARGETS[target].states.items()}
    body = address.body([("pointsman.v1/NotYetKnown", b"holds requests, perhaps")])
    response = asyncio.run(posted(body))
    assert response.status == 503
    assert b"pointsman.v1/NotYetKnown: a newer release must read it" in response.body
    assert "left a call" in caplog.text


@pytest.mark.parametrize(
    ("target", "typename"),
    [(target, typename) for target, kind in TARGETS.items() for typename in sorted(kind.messages)],
)
def test_every_message_that_a_function_claims_to_take_it_takes(
    target: tuple[str, str, str], typename: str, caplog: pytest.LogCaptureFixture
) -> None:
    address = Address(server(), *target)
    address.state = {name: (state, None) for name, state in TARGETS[target].states.items()}
    assert asyncio.run(posted(address.body([(typename, b"")]))).status == 200
    assert "knows no message" not in caplog.text


def test_a_message_of_a_stranger_blocks_nobody(caplog: pytest.LogCaptureFixture) -> None:
    address = Address(server(), "pointsman", "router", "m")
    address.state = {name: (typename, None) for name, typename in RouterFunction.states.items()}
    assert asyncio.run(posted(address.body([("somebody/Else", b"")]))).status == 200
    assert "the router knows no message of type somebody/Else" in caplog.text
