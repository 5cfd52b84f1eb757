"""gRPC to one remote: no answer over its size, none after its time."""

from __future__ import annotations

from typing import Any, Final

import grpc

from pointsman.errors import (
    FAILED_PRECONDITION,
    INTERNAL,
    INVALID_ARGUMENT,
    OUT_OF_RANGE,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
)
from pointsman.runtimes.remote.address import Address
from pointsman.runtimes.remote.trouble import Trouble, late, oversized, unreached

# Attempts are ours to count; a proxy that the environment names is not where the operator allowed to go.
_OPTIONS: Final = (
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.max_send_message_length", -1),
)
_UNMENDED: Final = frozenset(
    {"UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "UNIMPLEMENTED", "FAILED_PRECONDITION"}
)


class GrpcLine:
    """A channel to one address. `ask` may be called on any thread."""

    def __init__(self, address: Address, key: str, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        options = [*_OPTIONS, ("grpc.max_receive_message_length", most_bytes)]
        if address.is_secure:
            self._channel = grpc.secure_channel(
                address.authority, grpc.ssl_channel_credentials(), options=options
            )
        else:
            self._channel = grpc.insecure_channel(address.authority, options=options)
        self._metadata = (("authorization", f"Bearer {key}"),) if key else ()
        self.close = self._channel.close

    def ask(self, method: str, message: bytes, left_s: float) -> bytes:
        """Return the answer's bytes; raises Trouble, after `left_s` seconds at the latest."""
        try:
            call = self._channel.unary_unary(method)
            answer: bytes = call(message, timeout=left_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._trouble(error, left_s) from None
        except ValueError as error:  # the channel was closed meanwhile
            raise unreached(str(error)) from None
        return answer

    def _trouble(self, error: Any, left_s: float) -> Trouble:
        code, details = error.code().name, error.details() or ""
        if code == "DEADLINE_EXCEEDED":
            return late(left_s)
        # It names addresses, which are no sender's business.
        if code == UNAVAILABLE and "failed to connect" in details.lower():
            return unreached("no connection")
        if code == RESOURCE_EXHAUSTED and "larger than max" in details:
            return oversized(self._most_bytes)
        return _of_status(code, details)


def _of_status(code: str, details: str) -> Trouble:
    said = f"the remote says: {details or code}"
    if code in (UNAVAILABLE, "CANCELLED"):
        return Trouble(UNAVAILABLE, said, is_down=True, is_retryable=True)
    if code == RESOURCE_EXHAUSTED:
        return Trouble(code, said, is_retryable=True)
    if code in _UNMENDED:
        return Trouble(FAILED_PRECONDITION, f"the remote refuses this version ({code}): {details}")
    known = code in (INVALID_ARGUMENT, OUT_OF_RANGE)
    return Trouble(code if known else INTERNAL, said, is_ours=True)
