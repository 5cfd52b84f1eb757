"""Handlers of a service's four kinds of call, made from its descriptor and an object with its methods.

A servicer's method is called `model_infer` for the call `ModelInfer`. It knows nothing of gRPC:

    unary            async (request, caller) -> answer | Failure
    server streaming async (request, caller, send) -> Failure | None
    client streaming async (requests, caller) -> answer | Failure
    both             async (requests, caller, send) -> Failure | None

`requests` yields a Failure in the place of a message that cannot be read.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final, TypeAlias, TypeVar

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message

from pointsman.client.headers import COMPRESSION
from pointsman.errors import INTERNAL, INVALID_ARGUMENT, Failure
from pointsman.gateway.grpc.caller import Caller, caller_of
from pointsman.gateway.grpc.refusal import metadata_of, refuse

Answer = TypeVar("Answer")
# Says why a caller may not go on, if it may not.
Guard: TypeAlias = Callable[[Caller], Failure | None]

logger = logging.getLogger(__name__)

_COMPRESSIONS: Final = {
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
    "identity": grpc.Compression.NoCompression,
}
_MAKERS: Final = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
STRANGE: Final = Failure(INTERNAL, "the gateway could not answer; its log says why")


def admit_all(_: Caller) -> None:
    """Let everybody go on."""


def service_handlers(service: ServiceDescriptor, servicer: object, guard: Guard = admit_all) -> Any:
    """Return the grpc.GenericRpcHandler of a service. A call without a method is a programming error.

    The guard is asked as soon as a call begins, before anything of it is looked at, unless the servicer's
    `OPEN` names the call.
    """
    is_open: Collection[str] = getattr(servicer, "OPEN", ())
    handlers = {}
    for call in service.methods:
        method = getattr(servicer, _snake_case(call.name))
        request = message_factory.GetMessageClass(call.input_type)
        asked = admit_all if call.name in is_open else guard
        if call.server_streaming:
            handle: Callable[..., Awaitable[Any]] = _streaming(method, asked)
        else:
            handle = _single(method, call.client_streaming, asked)
        handlers[call.name] = _MAKERS[call.client_streaming, call.server_streaming](
            handle,
            request_deserializer=functools.partial(_read, request),
            response_serializer=_write,
        )
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def _single(
    method: Callable[..., Awaitable[Any]], is_stream: bool, guard: Guard
) -> Callable[..., Awaitable[Any]]:
    async def handle(request: Any, context: Any) -> Any:
        caller = _begin(context)
        failure = guard(caller)
        if failure is None and isinstance(request, Failure) and not is_stream:
            failure = request
        if failure is not None:
            return await refuse(context, failure, caller.trailing)
        answer = await settled(method(request, caller))
        if isinstance(answer, Failure):
            return await refuse(context, answer, caller.trailing)
        if COMPRESSION in caller.metadata:
            # Else the library forgets how an answer that ends its call is to be packed.
            await context.send_initial_metadata(())
        context.set_trailing_metadata(metadata_of(caller.trailing))
        return answer

    return handle


def _streaming(method: Callable[..., Awaitable[Any]], guard: Guard) -> Callable[..., Awaitable[None]]:
    async def handle(request: Any, context: Any) -> None:
        caller = _begin(context)
        failure = guard(caller)
        if failure is None:
            # A client may wait for this before it sends: then it hears for certain why it may not.
            await context.send_initial_metadata(())
            failed = isinstance(request, Failure)
            failure = request if failed else await settled(method(request, caller, context.write))
        if failure is not None:
            await refuse(context, failure, caller.trailing)
        context.set_trailing_metadata(metadata_of(caller.trailing))

    return handle


def _begin(context: Any) -> Caller:
    caller = caller_of(context)
    compression = _COMPRESSIONS.get(caller.metadata.get(COMPRESSION, ""))
    if compression is not None:
        context.set_compression(compression)
    return caller


async def settled(answer: Awaitable[Answer]) -> Answer | Failure:
    """Return the answer; an exception, a fault of ours, becomes a failure that tells nothing of it."""
    try:
        return await answer
    except Exception:
        logger.exception("a call ended in an exception")
        return STRANGE


def _read(kind: type[Message], value: bytes) -> Message | Failure:
    try:
        return kind.FromString(value)
    except DecodeError:
        return Failure(INVALID_ARGUMENT, f"the message is no {kind.DESCRIPTOR.full_name} in protobuf")


def _write(message: Message) -> bytes:
    return message.SerializeToString()


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
