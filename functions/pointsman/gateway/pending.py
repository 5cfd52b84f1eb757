"""Requests whose answers are due, each under an id of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from pointsman.pb.v1 import inference_pb2 as pb

Answer: TypeAlias = "asyncio.Future[pb.InferenceResponse]"


class Pending:
    """Futures by id; how long they are waited for is the asker's business. Belongs to one event loop."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}

    def __len__(self) -> int:
        return len(self._answers)

    @contextmanager
    def expected(self, request_id: str) -> Iterator[Answer]:
        """Take the answer to a request."""
        answer = self._answers[request_id] = asyncio.get_running_loop().create_future()
        try:
            yield answer
        finally:
            del self._answers[request_id]

    def settle(self, response: pb.InferenceResponse) -> None:
        """Give an answer to whom it may concern; the first one counts."""
        answer = self._answers.get(response.id)
        if answer is not None and not answer.done():
            answer.set_result(response)
