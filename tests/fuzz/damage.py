"""Damage done to bytes: what a bad line, a bad program or a bad person does."""

from __future__ import annotations

import random


def damaged(chance: random.Random, value: bytes) -> bytes:
    """Return the bytes with one to three faults."""
    for _ in range(chance.randint(1, 3)):
        value = chance.choice(_FAULTS)(chance, value)
    return value


def _flip(chance: random.Random, value: bytes) -> bytes:
    if not value:
        return value
    at = chance.randrange(len(value))
    return value[:at] + bytes([value[at] ^ 1 << chance.randrange(8)]) + value[at + 1 :]


def _cut(chance: random.Random, value: bytes) -> bytes:
    return value[: chance.randint(0, len(value))]


def _leave_out(chance: random.Random, value: bytes) -> bytes:
    start, end = sorted(chance.choices(range(len(value) + 1), k=2))
    return value[:start] + value[end:]


def _repeat(chance: random.Random, value: bytes) -> bytes:
    start, end = sorted(chance.choices(range(len(value) + 1), k=2))
    return value[:end] + value[start:end] + value[end:]


def _insert(chance: random.Random, value: bytes) -> bytes:
    at = chance.randint(0, len(value))
    return value[:at] + chance.randbytes(chance.choice((1, 1, 4, 9))) + value[at:]


def _overwrite(chance: random.Random, value: bytes) -> bytes:
    at = chance.randint(0, len(value))
    part = chance.choice((b"\0\0\0\0", b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x80" * 10))
    return value[:at] + part + value[at + len(part) :]


_FAULTS = (_flip, _flip, _cut, _leave_out, _repeat, _insert, _overwrite)
