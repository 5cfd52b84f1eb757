"""Weighted rendezvous hashing in integers, so that every language computes the same split.

Each unit draws one number per arm and goes to the arm with the least `-log2(u) / weight`: an exponential
race (Efraimidis and Spirakis 2006), in which arm `a` wins with probability weight_a / sum(weights). A unit
moves from arm a to arm b only when b's weight grew relative to a's.

The arithmetic, pinned by `tests/vectors/split.json`:

1. `base = XXH64(experiment, seed 0)`, `h = XXH64(unit, seed base)`; strings are UTF-8.
2. Per arm: `s = XXH64(arm, seed 0)`, `z = mix(h xor s)` with the finaliser of splitmix64.
3. `u = (z >> 12) | 1`, a 52-bit odd number; `-log2(u / 2^52)` with 32 fractional bits: the position of
   the top bit, and the fraction interpolated linearly in `LOG2`, a table of 1,025 entries.
4. Costs are compared exactly, crosswise: a beats b when `cost_a * weight_b < cost_b * weight_a`; the
   first in the order of arm names wins a tie. Weights below 2^24 keep the products within 64 bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

MASK: Final = (1 << 64) - 1
MAX_WEIGHT: Final = (1 << 24) - 1
TABLE_BITS: Final = 10
FRACTION_BITS: Final = 32
_ONE: Final = 1 << FRACTION_BITS
_TOP: Final = 52 << FRACTION_BITS
# Below this many units the vector form costs more than the loop.
_VECTOR_FROM: Final = 24


def _log2_entry(index: int) -> int:
    """Return round-down(2^32 * log2(1 + index/1024)) by repeated squaring, in integers only."""
    value = ((1 << TABLE_BITS) + index) << 110  # fixed point with 120 fractional bits, in [1, 2]
    if index == 1 << TABLE_BITS:
        return _ONE
    result = 0
    for _ in range(FRACTION_BITS):
        value = (value * value) >> 120
        result <<= 1
        if value >= 2 << 120:
            value >>= 1
            result |= 1
    return result


LOG2: Final = tuple(_log2_entry(index) for index in range((1 << TABLE_BITS) + 1))
_LOG2 = np.array(LOG2, dtype=np.uint64)
_STEP = np.diff(_LOG2)


class Arms(NamedTuple):
    """The arms of a split, ready to be drawn from: names in order, their seeds and weights."""

    names: tuple[str, ...]
    seeds: tuple[int, ...]
    weights: tuple[int, ...]
    base: int


def arms(experiment: str, weights: Mapping[str, int]) -> Arms:
    """Return the arms with a positive weight, in the order of their names."""
    names = tuple(sorted(name for name, weight in weights.items() if weight > 0))
    return Arms(
        names,
        tuple(xxhash.xxh64_intdigest(name.encode()) for name in names),
        tuple(weights[name] for name in names),
        xxhash.xxh64_intdigest(experiment.encode()),
    )


def draw(split: Arms, unit: str) -> int:
    """Return the index of the unit's arm. The split must have at least one arm."""
    if len(split.names) == 1:
        return 0
    return _draw_hash(split, xxhash.xxh64_intdigest(unit.encode(), split.base))


def draw_many(split: Arms, units: Sequence[str]) -> list[int]:
    """Return the index of each unit's arm; the same as `draw` one by one."""
    if len(split.names) == 1:
        return [0] * len(units)
    digest, base = xxhash.xxh64_intdigest, split.base
    if len(units) < _VECTOR_FROM:
        return [_draw_hash(split, digest(unit.encode(), base)) for unit in units]
    return _draw_vector(split, np.array([digest(unit.encode(), base) for unit in units], dtype=np.uint64))


def _draw_hash(split: Arms, unit_hash: int) -> int:
    best, best_cost, best_weight = 0, _cost(_mix(unit_hash ^ split.seeds[0])), split.weights[0]
    for index in range(1, len(split.names)):
        cost, weight = _cost(_mix(unit_hash ^ split.seeds[index])), split.weights[index]
        if cost * best_weight < best_cost * weight:
            best, best_cost, best_weight = index, cost, weight
    return best


def _mix(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def _cost(mixed: int) -> int:
    u = (mixed >> 12) | 1
    exponent = u.bit_length() - 1
    mantissa = (u << (52 - exponent)) & ((1 << 52) - 1)
    index = mantissa >> (52 - TABLE_BITS)
    rest = (mantissa >> (52 - TABLE_BITS - FRACTION_BITS)) & (_ONE - 1)
    fraction = LOG2[index] + (((LOG2[index + 1] - LOG2[index]) * rest) >> FRACTION_BITS)
    return _TOP - ((exponent << FRACTION_BITS) + fraction)


def _draw_vector(split: Arms, hashes: npt.NDArray[np.uint64]) -> list[int]:
    best = np.zeros(len(hashes), dtype=np.int64)
    best_cost = _costs(hashes ^ np.uint64(split.seeds[0]))
    best_weight = np.full(len(hashes), split.weights[0], dtype=np.uint64)
    for index in range(1, len(split.names)):
        cost = _costs(hashes ^ np.uint64(split.seeds[index]))
        weight = np.uint64(split.weights[index])
        wins = cost * best_weight < best_cost * weight
        best[wins], best_cost[wins], best_weight[wins] = index, cost[wins], weight
    result: list[int] = best.tolist()
    return result


def _costs(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    u = (values >> np.uint64(12)) | np.uint64(1)
    bits = u.astype(np.float64).view(np.uint64)  # exact below 2^53: the float's own exponent and mantissa
    exponent = (bits >> np.uint64(52)) - np.uint64(1023)
    mantissa = bits & np.uint64((1 << 52) - 1)
    index = (mantissa >> np.uint64(52 - TABLE_BITS)).astype(np.intp)
    rest = (mantissa >> np.uint64(52 - TABLE_BITS - FRACTION_BITS)) & np.uint64(_ONE - 1)
    fraction = _LOG2[index] + ((_STEP[index] * rest) >> np.uint64(FRACTION_BITS))
    costs: npt.NDArray[np.uint64] = np.uint64(_TOP) - ((exponent << np.uint64(FRACTION_BITS)) + fraction)
    return costs
