"""The OpenAI-compatible protocol, text in, text or vectors out, as one who asks writes and reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from pointsman.core.tensor import Array
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.wire.malformed import UNREADABLE, malformed

CHAT: Final = "chat"
COMPLETIONS: Final = "completions"
EMBEDDINGS: Final = "embeddings"
PATHS: Final = {CHAT: "/chat/completions", COMPLETIONS: "/completions", EMBEDDINGS: "/embeddings"}


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    text: str | None = None


class _Choices(msgspec.Struct):
    choices: list[_Choice]


class _Vector(msgspec.Struct):
    index: int
    embedding: list[float]


class _Vectors(msgspec.Struct):
    data: list[_Vector]


_choices: Final = msgspec.json.Decoder(_Choices)
_vectors: Final = msgspec.json.Decoder(_Vectors)


def write_chat(model: str, prompt: str, system: str, more: Mapping[str, Any]) -> bytes:
    """Return the body of a conversation of one message, behind the system's where there is one."""
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": prompt})
    return msgspec.json.encode({"model": model, "messages": messages, **more})


def write_completion(model: str, prompt: str, more: Mapping[str, Any]) -> bytes:
    """Return the body that asks to go on with a text."""
    return msgspec.json.encode({"model": model, "prompt": prompt, **more})


def write_embeddings(model: str, texts: Sequence[str], more: Mapping[str, Any]) -> bytes:
    """Return the body that asks for the vectors of many texts."""
    return msgspec.json.encode({"model": model, "input": texts, "encoding_format": "float", **more})


def read_text(body: bytes) -> str | Failure:
    """Return the first choice's text, empty where it has none; or why it cannot be read."""
    try:
        choices = _choices.decode(body).choices
    except UNREADABLE as error:
        return malformed(error, body)
    if not choices:
        return Failure(INVALID_ARGUMENT, "choices: is empty", "choices")
    first = choices[0]
    return (first.message.content if first.message is not None else first.text) or ""


def read_vectors(body: bytes, count: int) -> Array | Failure:
    """Return `count` vectors, [count, size] FP32, in the order of their texts; or why they cannot be read."""
    try:
        data = sorted(_vectors.decode(body).data, key=lambda vector: vector.index)
    except UNREADABLE as error:
        return malformed(error, body)
    sizes = {len(vector.embedding) for vector in data}
    if [vector.index for vector in data] != list(range(count)) or len(sizes) != 1:
        return Failure(INVALID_ARGUMENT, f"data: is not {count} vectors of one size", "data")
    with np.errstate(over="ignore"):
        return np.array([vector.embedding for vector in data], np.float32)
