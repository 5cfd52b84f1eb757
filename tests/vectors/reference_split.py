"""The split a second time, in plain integers and nothing else, as somebody would port it to another language.

It shares no line with `pointsman.core.split` and imports nothing. Every 64-bit product is cut with MASK.
"""

from __future__ import annotations

from collections.abc import Mapping

MASK = 2**64 - 1
P1, P2, P3, P4, P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)


def rotate_left(value: int, bits: int) -> int:
    """Return the 64-bit value rotated to the left."""
    return (value << bits | value >> (64 - bits)) & MASK


def xxh64(data: bytes, seed: int) -> int:
    """Return XXH64 of the bytes."""
    at = 0
    if len(data) >= 32:
        lanes = [seed + P1 + P2 & MASK, seed + P2 & MASK, seed, seed - P1 & MASK]
        while at + 32 <= len(data):
            for lane in range(4):
                word = int.from_bytes(data[at : at + 8], "little")
                lanes[lane] = rotate_left(lanes[lane] + word * P2 & MASK, 31) * P1 & MASK
                at += 8
        turned = (rotate_left(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True))
        value = sum(turned) & MASK
        for lane in lanes:
            value = ((value ^ rotate_left(lane * P2 & MASK, 31) * P1 & MASK) * P1 + P4) & MASK
    else:
        value = seed + P5 & MASK
    return _avalanche(_tail(value + len(data) & MASK, data[at:]))


def _tail(value: int, rest: bytes) -> int:
    while len(rest) >= 8:
        word = rotate_left(int.from_bytes(rest[:8], "little") * P2 & MASK, 31) * P1 & MASK
        value, rest = rotate_left(value ^ word, 27) * P1 + P4 & MASK, rest[8:]
    if len(rest) >= 4:
        word = int.from_bytes(rest[:4], "little") * P1 & MASK
        value, rest = rotate_left(value ^ word, 23) * P2 + P3 & MASK, rest[4:]
    for byte in rest:
        value = rotate_left(value ^ (byte * P5 & MASK), 11) * P1 & MASK
    return value


def _avalanche(value: int) -> int:
    value = (value ^ value >> 33) * P2 & MASK
    value = (value ^ value >> 29) * P3 & MASK
    return value ^ value >> 32


def log2_entry(index: int) -> int:
    """Return floor(2^32 * log2(1 + index / 1024)), one bit per squaring, with 400 fractional bits."""
    scale = 400
    x = (1024 + index) << (scale - 10)
    result = 0
    for _ in range(33):  # the integer bit, then 32 fractional ones
        bit = x >= 2 << scale
        result = result << 1 | bit
        x = x >> 1 if bit else x
        x = x * x >> scale
    return result


TABLE = [log2_entry(index) for index in range(1025)]


def splitmix(value: int) -> int:
    """Return the finaliser of splitmix64."""
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return value ^ value >> 31


def cost(mixed: int) -> int:
    """Return -log2(u / 2^52) with 32 fractional bits, u being the upper 52 bits made odd."""
    u = mixed // 4096 | 1
    top = 0
    while u >> (top + 1):
        top += 1
    fraction = (u - (1 << top)) << 52 >> top  # of 2^52
    index, rest = fraction >> 42, fraction >> 10 & 0xFFFFFFFF
    step = TABLE[index + 1] - TABLE[index]
    return (52 << 32) - (top << 32) - TABLE[index] - (step * rest >> 32)


def unit_hash(experiment: str, unit: str) -> int:
    """Return the hash of a unit in an experiment."""
    return xxh64(unit.encode("utf-8"), xxh64(experiment.encode("utf-8"), 0))


def arm_of(experiment: str, weights: Mapping[str, int], unit: str) -> str:
    """Return the arm of a unit; arms of weight 0 take no part."""
    best: tuple[str, int, int] | None = None
    for arm in sorted(arm for arm, weight in weights.items() if weight > 0):
        paid = cost(splitmix(unit_hash(experiment, unit) ^ xxh64(arm.encode("utf-8"), 0)))
        if best is None or paid * best[2] < best[1] * weights[arm]:
            best = (arm, paid, weights[arm])
    assert best is not None
    return best[0]
