"""JSON bodies that were good once: values, keys and text changed by chance."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any, Final

from tests.fuzz.damage import damaged

# Stands for a nesting that no encoder would write, and is put into the text.
_DEEP: Final = "@deep@"
_DEPTHS: Final = (40, 2_000, 50_000)
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400,
    0.5, -0.0, 1e39, 1e308, 5e-324, float("nan"), float("inf"), -float("inf"),
    "", "x", "\0", "café\0", "\ud800", "a" * 5_000, "1", "NaN", "FP32", "BYTES", "INT8", "BF16",
    [], {}, [[]], [None], [1, [2]], {"": 1}, {"b64": "!"}, {"b64": "AAAA"}, {"number": "NaN"},
    {"number": "Infinity"}, {"shape": [2], "data": [1], "indices": [[0]]},
    {"shape": [2**40, 2**40], "data": [], "indices": []}, {"shape": [-1], "data": [1], "indices": [[-1]]},
    [0] * 3_000, list(range(33)), [2**62, 4], [-1], [2**63], _DEEP,
)  # fmt: skip
_KEYS: Final = ("", "x", "y", "\0", "data", "shape", "inputs", "outputs", "instances", "columns", "b64", "id")


def body(chance: random.Random, good: Any) -> bytes:
    """Return a good body with one to three changes to its values, and now and then to its text."""
    tree = {"": copy.deepcopy(good)}
    for _ in range(chance.randint(1, 3)):
        _change(chance, tree)
    text = json.dumps(tree.get(""), ensure_ascii=chance.random() < 0.8).encode(errors="surrogatepass")
    depth = chance.choice(_DEPTHS)
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    text = text.replace(json.dumps(_DEEP).encode(), opening * depth + b"1" + closing * depth)
    return _TEXTS[chance.randrange(len(_TEXTS))](chance, text) if chance.random() < 0.3 else text


def _places(part: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container in a tree with each of its keys."""
    for key in part if isinstance(part, dict) else range(len(part)):
        yield part, key
        if isinstance(part[key], dict | list):
            yield from _places(part[key])


def _change(chance: random.Random, tree: dict[str, Any]) -> None:
    places = list(_places(tree))
    if not places:
        return
    container, key = chance.choice(places)
    act = chance.randrange(8)
    if act == 0:
        del container[key]
    elif act == 1:
        other, there = chance.choice(places)
        if there in other if isinstance(other, dict) else there < len(other):
            container[key] = copy.deepcopy(other[there])
    elif act == 2:
        container[key] = [container[key]]
    elif act == 3 and isinstance(container, list):
        container.extend(copy.deepcopy(container[key]) for _ in range(chance.choice((1, 2, 40))))
    elif act == 4 and isinstance(container, dict):
        container[chance.choice(_KEYS)] = container.pop(key)
    elif act == 5 and isinstance(container, dict):
        container[chance.choice(_KEYS)] = copy.deepcopy(chance.choice(VALUES))
    else:
        container[key] = copy.deepcopy(chance.choice(VALUES))


def _key_twice(chance: random.Random, text: bytes) -> bytes:
    key = json.dumps(chance.choice(_KEYS)).encode()
    return text.replace(b"{", b"{" + key + b":[1],", 1)


def _no_utf8(chance: random.Random, text: bytes) -> bytes:
    return text.replace(b'"', chance.choice((b'"\xff', b'"\xed\xa0\x80', b'"\xc0\x80')), 1)


def _around(chance: random.Random, text: bytes) -> bytes:
    junk = chance.choice((b"\xef\xbb\xbf", b"\0", b" \n", b"//\n", b"}", b"]", b"null", b"[1]"))
    return junk + text if chance.random() < 0.5 else text + junk


def _token(chance: random.Random, text: bytes) -> bytes:
    return text.replace(b"1", chance.choice((b"NaN", b"-Infinity", b"Inf", b"01", b"1.", b"+1", b"0x1")), 1)


def _padded(chance: random.Random, text: bytes) -> bytes:
    return text.replace(b"[", b"[" + b" " * chance.choice((1_000, 300_000)), 1)


_TEXTS = (_key_twice, _no_utf8, _around, _token, _padded, damaged, damaged)
