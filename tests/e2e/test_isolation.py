"""A flooded model lets its requests wait in their topic; nobody else waits for it."""

from __future__ import annotations

import numpy as np

from pointsman.pb.v1.inference_pb2 import LANE_INTERACTIVE
from pointsman.testing.request import request
from pointsman.topics import INTERACTIVE
from tests.e2e.bench import Bench, scale

FLOOD = 20_000  # more than six seconds of work, and five times what may be in flight in the beginning
OTHERS = 50


def test_nobody_waits_for_a_flooded_model_and_all_of_it_is_answered(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    flooded, other = f"{name}-slow", f"{name}-other"
    bench.apply(flooded, {"1": scale(2, pause_ms=20, max_batch=64)}, {"1": 1})
    bench.apply(other, {"1": scale(3)}, {"1": 1})
    for number in range(FLOOD):
        bench.send(flooded, f"{flooded}-{number}", row)
    for number in range(OTHERS):
        bench.send(other, f"{other}-{number}", row)
        for model in (flooded, other):
            now = f"{model}-now-{number}"
            body = request(model, now, row, lane=LANE_INTERACTIVE)
            bench.ledger.send(now, body, key=model.encode(), topic=INTERACTIVE)
    bench.settled(90)
    finals = bench.ledger.finals
    written: dict[str, list[int]] = {kind: [] for kind in ("flood", "other", "now")}
    for final in finals.values():
        kind = "now" if "-now-" in final.id else "flood" if flooded in final.id else "other"
        written[kind].append(final.written_ms)
        assert not final.error or kind == "now", final
    assert [len(found) for found in written.values()] == [FLOOD, OTHERS, 2 * OTHERS]
    assert max(written["other"]) < max(written["flood"]), (
        "the neighbour did not wait for the end of the flood"
    )
    assert max(written["now"]) < max(written["flood"])
    refused = [final.id for final in finals.values() if final.error]
    assert sum(f"{other}-now" in one for one in refused) < OTHERS / 2
    assert bench.outputs(f"{flooded}-{FLOOD - 1}")["y"].tolist() == (2 * row).tolist()
