"""Who calls and how long they wait: what a call says beside its message."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import msgspec

from pointsman.client.headers import LABEL, REQUEST_ID, TRACEPARENT, UNIT, decision_of
from pointsman.pb.v1 import inference_pb2 as pb

# Text metadata of a call by lower-case key; of a key that comes twice the last value.
Metadata: TypeAlias = Mapping[str, str]


class Caller(msgspec.Struct, kw_only=True):
    """A call's metadata; `timeout_ms` is what is left to its deadline when it came, 0 without one.

    `trailing` is what the call's trailing metadata will say.
    """

    metadata: Metadata = {}
    timeout_ms: int = 0
    trailing: dict[str, str] = {}

    @property
    def unit(self) -> str:
        """The sticky unit."""
        return self.metadata.get(UNIT, "")

    @property
    def label(self) -> str:
        """The label of the version that is asked for, where the message has no place for one."""
        return self.metadata.get(LABEL, "")

    @property
    def traceparent(self) -> str:
        """The trace of which the call is a part."""
        return self.metadata.get(TRACEPARENT, "")

    @property
    def request_id(self) -> str:
        """The id of a request whose message has none."""
        return self.metadata.get(REQUEST_ID, "")

    def within(self, timeout_ms: int) -> int:
        """Return the shorter of this timeout and the call's own, where 0 is none."""
        return min(filter(None, (timeout_ms, self.timeout_ms)), default=0)

    def in_stream(self) -> Caller:
        """Return the caller of one message of many, which does not speak for the whole call."""
        return msgspec.structs.replace(self, trailing={})

    def tell(self, response: pb.InferenceResponse) -> None:
        """Put into the trailing metadata who answered."""
        if response.version:
            self.trailing.update(decision_of(response))


def caller_of(context: Any) -> Caller:
    """Return the caller of a grpc.aio.ServicerContext. The one place where metadata is read."""
    metadata = text_metadata(context.invocation_metadata() or ())
    remaining = context.time_remaining()
    timeout_ms = 0 if remaining is None else max(1, math.ceil(remaining * 1_000))
    trailing = {REQUEST_ID: metadata[REQUEST_ID]} if REQUEST_ID in metadata else {}
    return Caller(metadata=metadata, timeout_ms=timeout_ms, trailing=trailing)


def text_metadata(pairs: Iterable[tuple[str, str | bytes]]) -> Metadata:
    """Return the entries that are text; those in bytes are other people's."""
    return {key.lower(): value for key, value in pairs if isinstance(value, str)}
