"""Requests whose answers are due, each under an id of ours, until its answer or its time comes."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from pointsman.pb.v1 import inference_pb2 as pb

# How exactly deadlines are kept; one timer serves all requests.
TICK_S: Final = 0.05

Answer: TypeAlias = "asyncio.Future[pb.InferenceResponse | None]"


class Pending:
    """Futures by id; one whose time is over gets None. All is called on the event loop."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._due: dict[int, set[Answer]] = defaultdict(set)
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._answers)

    @contextmanager
    def expected(self, request_id: str, within_s: float) -> Iterator[Answer]:
        """Take the answer to a request, for so many seconds at most."""
        loop = asyncio.get_running_loop()
        answer = self._answers[request_id] = loop.create_future()
        tick = math.ceil((loop.time() + within_s) / TICK_S)
        self._due[tick].add(answer)
        if self._timer is None:
            self._timer = loop.call_later(TICK_S, self._look)
        try:
            yield answer
        finally:
            del self._answers[request_id]
            if (due := self._due.get(tick)) is not None:
                due.discard(answer)

    def settle(self, response: pb.InferenceResponse) -> None:
        """Give an answer to whom it may concern; the first one counts."""
        answer = self._answers.get(response.id)
        if answer is not None and not answer.done():
            answer.set_result(response)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = int(loop.time() / TICK_S)
        for tick in [tick for tick, due in self._due.items() if tick <= now or not due]:
            for answer in self._due.pop(tick):
                if not answer.done():
                    answer.set_result(None)
        self._timer = loop.call_later(TICK_S, self._look) if self._due else None
