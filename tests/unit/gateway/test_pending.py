from __future__ import annotations

import asyncio

from pointsman.gateway.pending import Pending
from pointsman.pb.v1 import inference_pb2 as pb


def test_an_answer_reaches_who_expects_it_and_its_repeat_nobody() -> None:
    async def story() -> None:
        pending = Pending()
        with pending.expected("a") as a, pending.expected("b") as b:
            for version in ("1", "2"):
                pending.settle(pb.InferenceResponse(id="a", version=version))
            pending.settle(pb.InferenceResponse(id="stranger"))
            answer = await a
            assert answer.version == "1"
            assert not b.done()
        assert len(pending) == 0
        pending.settle(pb.InferenceResponse(id="b"))  # too late: dropped

    asyncio.run(story())
