"""What was sent, what came back, and what of it was right."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from pointsman.client import Prediction


class Sent(NamedTuple):
    """A request under way: its right answer, and when it left, in seconds of the ledger's clock."""

    model: str
    truth: int
    at: float


class Tally:
    """The answers of one version under one weighting."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.right = 0

    def add(self, latency: float, right: bool) -> None:
        """Count an answer that took `latency` seconds."""
        self.latencies.append(latency)
        self.right += right

    @property
    def answers(self) -> int:
        """How many answers were counted."""
        return len(self.latencies)

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return self.right / self.answers

    def quantile_ms(self, share: float) -> float:
        """Return a quantile of the latencies, in milliseconds."""
        return float(np.quantile(self.latencies, share)) * 1000


class Ledger:
    """Every request of a stream from send to final answer.

    `classify` reads the class out of a model's answer.
    """

    def __init__(
        self, classify: dict[str, Callable[[Prediction], int]], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._classify = classify
        self._clock = clock
        self._under_way: dict[str, Sent] = {}
        self.sent: dict[str, int] = defaultdict(int)
        self.refused: dict[str, int] = defaultdict(int)
        self.reasons: set[str] = set()
        self.tallies: dict[tuple[str, str, int], Tally] = defaultdict(Tally)

    def note_sent(self, request_id: str, model: str, truth: int, at: float) -> None:
        """Enter a request that left at `at`."""
        self._under_way[request_id] = Sent(model, truth, at)
        self.sent[model] += 1

    def note_answer(self, prediction: Prediction) -> None:
        """Enter a final answer; one that was entered before is not counted again."""
        sent = self._under_way.pop(prediction.id, None)
        if sent is None:
            return
        if prediction.failure is not None:
            self.refused[sent.model] += 1
            self.reasons.add(f"{prediction.failure.code}: {prediction.failure.message}")
            return
        right = self._classify[sent.model](prediction) == sent.truth
        self.tallies[sent.model, prediction.version, prediction.epoch].add(self._clock() - sent.at, right)

    @property
    def under_way(self) -> int:
        """How many requests have no answer yet."""
        return len(self._under_way)

    def lost(self, model: str) -> int:
        """Return how many requests to `model` have no answer yet."""
        return sum(sent.model == model for sent in self._under_way.values())

    def answered(self, model: str) -> int:
        """Return how many requests to `model` were answered by some version."""
        return sum(tally.answers for (name, _, _), tally in self.tallies.items() if name == model)

    def versions(self, model: str, epochs: Callable[[int], bool]) -> dict[str, Tally]:
        """Return the tallies of the model's versions over the epochs that `epochs` accepts."""
        chosen: dict[str, list[Tally]] = defaultdict(list)
        for (name, version, epoch), tally in sorted(self.tallies.items()):
            if name == model and epochs(epoch):
                chosen[version].append(tally)
        return {version: _together(tallies) for version, tallies in chosen.items()}


def _together(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.latencies += tally.latencies
        total.right += tally.right
    return total
