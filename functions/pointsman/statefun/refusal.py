"""The final answer of a request, an error, where the router gives it."""

from __future__ import annotations

from typing import Final

from pointsman.errors import Failure
from pointsman.pb.v1 import inference_pb2, ingress_pb2
from pointsman.statefun.effects import Effects
from pointsman.wire.head import JSON, Head
from pointsman.wire.json_response import Answered, refusal_to_json
from pointsman.wire.response import ResponseWriter, Served, echo_of_bytes

_NO_TIMINGS: Final = inference_pb2.Timings()


def refuse(
    effects: Effects,
    served: Served,
    output: tuple[str, str],
    head: Head,
    record: bytes,
    failure: Failure,
    now_ms: int,
) -> None:
    """Give a record its final answer, an error, and a dead letter unless somebody waits who may retry.

    `served` says for which model, and by which version if one took it; `output` is the topic of the answer
    and the egress of both.
    """
    topic, egress = output
    ingress = ingress_pb2.Ingress.FromString(record)
    if head.format == JSON:
        answer = refusal_to_json(Answered(head.id, served, "", head.context), failure)
    else:
        answer = ResponseWriter(served, _NO_TIMINGS).refusal(
            head.id, "", failure, echo_of_bytes(ingress.value)
        )
    effects.egress(topic, head.reply_key, answer, egress)
    if head.interactive and failure.retryable:
        return
    effects.letter(ingress, served, head.id, failure, now_ms, egress=egress)
