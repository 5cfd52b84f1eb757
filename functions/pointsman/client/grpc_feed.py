"""The requests of a stream on their way out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from typing import Final

from pointsman.client.ask import Ask
from pointsman.client.grpc_answer import reading
from pointsman.client.grpc_core import written
from pointsman.client.headers import milliseconds
from pointsman.client.insistence import Setback
from pointsman.client.prediction import Prediction, prediction_from_pb
from pointsman.errors import TimedOut
from pointsman.pb.v1 import inference_pb2 as pb

_prediction: Final = reading(pb.InferenceResponse, prediction_from_pb)


class Feed:
    """Turns requests into messages, and messages into predictions.

    The library would swallow what the requests raise. Here it ends them, and `end` raises it: after the
    answers to the requests before. `identified` gives a request an id; each has `timeout` seconds.
    """

    def __init__(self, identified: Callable[[Ask], Ask], timeout: float) -> None:
        if not timeout > 0:
            raise TimedOut(f"no answer within {timeout:g} s")
        self._identified = identified
        self._timeout_ms = milliseconds(timeout)
        self._error: Exception | None = None

    def each(self, requests: Iterable[Ask]) -> Iterator[bytes]:
        """Yield the messages of the requests."""
        try:
            for ask in requests:
                yield self._written(ask)
        except Exception as error:  # noqa: BLE001 - `end` raises it
            self._error = error

    async def each_in_time(self, requests: AsyncIterable[Ask] | Iterable[Ask]) -> AsyncGenerator[bytes, None]:
        """Yield the messages of the requests as these come."""
        try:
            if isinstance(requests, AsyncIterable):
                async for ask in requests:
                    yield self._written(ask)
            else:
                for ask in requests:
                    yield self._written(ask)
        except Exception as error:  # noqa: BLE001 - `end` raises it
            self._error = error

    def read(self, body: bytes) -> Prediction:
        """Return the prediction of a message; a failure is one. Raises ClientError where it is none."""
        found = _prediction(body)
        if isinstance(found, Setback):
            raise found.error
        return found

    def end(self) -> None:
        """Raise what ended the requests early, if anything did."""
        if self._error is not None:
            raise self._error

    def _written(self, ask: Ask) -> bytes:
        return written(self._identified(ask), self._timeout_ms)
