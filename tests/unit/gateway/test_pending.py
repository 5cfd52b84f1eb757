from __future__ import annotations

import asyncio

from pointsman.gateway.pending import Pending
from pointsman.pb.v1 import inference_pb2 as pb


def test_an_answer_reaches_who_expects_it_and_its_repeat_nobody() -> None:
    async def story() -> None:
        pending = Pending()
        with pending.expected("a", 60) as a, pending.expected("b", 60) as b:
            for version in ("1", "2"):
                pending.settle(pb.InferenceResponse(id="a", version=version))
            pending.settle(pb.InferenceResponse(id="stranger"))
            answer = await a
            assert answer is not None
            assert answer.version == "1"
            assert not b.done()
        assert len(pending) == 0
        pending.settle(pb.InferenceResponse(id="b"))  # too late: dropped

    asyncio.run(story())


def test_what_is_not_answered_in_time_is_none_and_what_has_time_waits() -> None:
    async def story() -> None:
        pending = Pending()
        with pending.expected("soon", 0.01) as soon, pending.expected("late", 60) as late:
            assert await asyncio.wait_for(soon, 10) is None
            assert not late.done()

    asyncio.run(story())


def test_what_was_answered_is_not_kept_until_its_deadline() -> None:
    async def story() -> None:
        pending = Pending()
        for number in range(1000):
            with pending.expected(str(number), 3600):
                pending.settle(pb.InferenceResponse(id=str(number)))
        assert sum(map(len, pending._due.values())) == 0

    asyncio.run(story())
