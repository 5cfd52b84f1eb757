"""A work bench on a running stack: commands, requests, and the ledger of what became of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Self, TypeVar

import msgspec

from pointsman.client import Client, Prediction
from pointsman.client.ack import Ack
from pointsman.core.tensor import Array, Item
from pointsman.errors import Failure
from pointsman.localstack.stack import Stack
from pointsman.testing.ledger import Ledger
from pointsman.testing.request import request
from pointsman.wire.tensors import array_from_pb

T = TypeVar("T")


def restarts(stack: Stack) -> int:
    """Return how often the job restarted; a JVM that has just begun does not say it at once."""
    poll, limit = threading.Event(), time.monotonic() + 30
    while (count := stack.restarts()) is None:
        assert time.monotonic() < limit, "the engine does not say how often the job restarted"
        poll.wait(0.1)
    return count


def scale(factor: float, **options: Any) -> dict[str, Any]:
    """Return the description of a version that multiplies by `factor`."""
    settings = {"factor": str(factor)}
    for option in ("pause_ms", "load_s"):
        if option in options:
            settings[option] = str(options.pop(option))
    return {"uri": "python:e2e_models:Scale", "runtime": "python", "options": settings, **options}


class Bench:
    """Commands go through the client, requests through the ledger."""

    def __init__(self, stack: Stack, ledger: Ledger | None = None) -> None:
        self.stack = stack
        self.ledger = ledger or Ledger(stack.kafka, outputs=("pointsman.responses", "answers"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._client = Client(stack.kafka)
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._open())
        self.ledger.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.ledger.__exit__(*exception)
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def control(self, command: Mapping[str, Any], timeout: float = 30) -> Ack:
        """Send a command and return its acknowledgement."""
        return self._call(self._client.control(command, timeout=timeout))

    def apply(self, model: str, versions: Mapping[str, Any], split: Mapping[str, float], **more: Any) -> int:
        """Apply a model and return when its versions are READY; the epoch at which they are."""
        route = {"split": dict(split), **more.pop("route", {})}
        ack = self.control({"model": model, "apply": {"versions": dict(versions), "route": route, **more}})
        assert ack.ok, ack.error
        return max(int(self.state(model, version, "READY")["epoch"]) for version in versions)

    def state(self, model: str, version: str, state: str, timeout: float = 60) -> dict[str, Any]:
        """Return the event that said so; wait for it if need be."""
        wanted = {"type": "version", "model": model, "version": version, "state": state}
        return self._call(self._event(wanted, timeout))

    def events_of(self, model: str) -> Sequence[dict[str, Any]]:
        """Return the events of a model since the bench was opened."""
        return [event for event in self._events if event.get("model") == model]

    def send(self, model: str, request_id: str, array: Any, **fields: Any) -> None:
        """Send a protobuf request under the model's key."""
        self.ledger.send(request_id, request(model, request_id, array, **fields), key=model.encode())

    def send_json(
        self, request_id: str, body: object, *, key: str, topic: str = "pointsman.requests.json"
    ) -> None:
        """Send a JSON body."""
        self.ledger.send(request_id, msgspec.json.encode(body), key=key.encode(), topic=topic)

    def predict(self, model: str, inputs: dict[str, Array], **fields: Any) -> Prediction:
        """Return the client's answer through Kafka."""
        return self._call(self._client.predict(model, inputs, timeout=60, **fields))

    def outputs(self, request_id: str) -> Item:
        """Return the tensors of an answer."""
        final = self.ledger.finals[request_id]
        assert not final.error, final
        arrays = {name: array_from_pb(tensor) for name, tensor in final.outputs.items()}
        assert not any(isinstance(array, Failure) for array in arrays.values())
        return arrays  # type: ignore[return-value]

    def settled(self, timeout_s: float = 60) -> None:
        """Return when every accepted request has its final record; fail naming some that have not."""
        assert self.ledger.wait(timeout_s), f"lost: {sorted(self.ledger.missing())[:5]}"

    async def _open(self) -> None:
        await self._client.__aenter__()
        stream = await self._client.events()
        self._heard = asyncio.Condition()
        self._listener = asyncio.ensure_future(self._listen(stream))

    async def _listen(self, stream: Any) -> None:
        async for event in stream:
            async with self._heard:
                self._events.append(event)
                self._heard.notify_all()

    async def _event(self, wanted: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            return next((e for e in reversed(self._events) if wanted.items() <= e.items()), None)

        async with self._heard:
            await asyncio.wait_for(self._heard.wait_for(lambda: found() is not None), timeout)
        event = found()
        assert event is not None
        return event

    async def _close(self) -> None:
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        await self._client.__aexit__()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)
