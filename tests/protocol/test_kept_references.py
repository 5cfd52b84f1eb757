"""What dead letters refer to is kept by whoever writes them, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.pb.v1 import ingress_pb2
from pointsman.statefun import claims, effects
from pointsman.stores.memory_blobs import MemoryBlobs
from pointsman.topics import DEAD_LETTERS
from tests.protocol.world import Router, Shard, asked, letter

ROW = np.ones((1, 2), "f4")


class Watched(MemoryBlobs):
    """Remembers what it was asked to keep."""

    def __init__(self, is_away: bool = False) -> None:
        super().__init__()
        self.asked: list[str] = []
        self._is_away = is_away

    async def keep(self, keys: Sequence[str], ttl_s: int, most_bytes: int) -> int:
        """Keep."""
        if self._is_away:
            raise ConnectionError("away")
        assert ttl_s > 30 * 24 * 3600
        self.asked += keys
        return await super().keep(keys, ttl_s, most_bytes)


def referring(key: str, name: str = "x", **fields: object) -> ingress_pb2.Ingress:
    """Return a request for a tensor by reference."""
    tensor = pb.Tensor(name=name, datatype="FP32", shape=[1, 2], reference=key)
    return asked("r", tensors=pb.Tensors(tensors=[tensor]), **fields)


def put(blobs: MemoryBlobs) -> str:
    """Store a row and return its key."""
    return asyncio.run(blobs.put(ROW.tobytes(), 60))


def test_a_pod_keeps_what_its_letters_refer_to_and_lets_the_rest_expire() -> None:
    blobs = Watched()
    key = put(blobs)
    shard = Shard(blobs=blobs)
    reply = shard.serve(referring(key), referring(key, "wrong"), referring(key, "wrong"))
    assert [letter(record).id for record in reply.to(DEAD_LETTERS)] == ["t1", "t2"]
    assert blobs.asked == [key]
    shard.serve(referring(key))
    assert blobs.asked == [key]


def test_a_router_keeps_what_its_letters_refer_to() -> None:
    blobs = Watched()
    key = put(blobs)
    router = Router(blobs=blobs).serving()
    router.ask(referring(key))
    assert blobs.asked == []
    router.ask(referring(key, version="9"))
    assert blobs.asked == [key]


@pytest.mark.parametrize("is_router", [True, False])
def test_a_letter_is_written_though_the_store_is_away(is_router: bool) -> None:
    blobs = Watched(is_away=True)
    record = referring("pointsman:blob:1", "wrong", version="9")
    reply = Router(blobs=blobs).serving().ask(record) if is_router else Shard(blobs=blobs).serve(record)
    assert len(reply.to(DEAD_LETTERS)) == 1


def test_of_a_letter_that_is_cut_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "DEAD_LETTER_BYTES", 10)
    blobs = Watched()
    key = put(blobs)
    reply = Shard(blobs=blobs).serve(referring(key, "wrong"))
    assert letter(reply.to(DEAD_LETTERS)[0]).sha256
    assert blobs.asked == []


def test_what_is_beyond_the_bound_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    blobs = MemoryBlobs()
    key = put(blobs)
    asyncio.run(claims.Claims(blobs, 7).keep([key, "pointsman:blob:gone"]))
    assert "2 of 2 references" in caplog.text


def test_a_letter_names_the_decision_and_the_attempt() -> None:
    record = referring("pointsman:blob:1", "wrong")
    record.headers.add(key="pointsman-attempt", value=b"3")
    (written,) = Shard().serve(record).to(DEAD_LETTERS)
    assert (letter(written).decision_id, letter(written).attempts) == ("d0", 3)
