from __future__ import annotations

from pointsman.pod.supervisor import pause_after


def test_a_worker_that_lived_is_replaced_at_once() -> None:
    assert pause_after(5.0, 3.2) == 0


def test_workers_that_die_young_are_replaced_after_growing_pauses() -> None:
    pauses = [0.0]
    for _ in range(8):
        pauses.append(pause_after(0.5, pauses[-1]))
    assert pauses[1:] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
