"""Keys, their file and a clock for the tests of this folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pointsman.gateway.key import Key, hash_of, keys_to_lines

CREATED = datetime(2026, 11, 2, 8, tzinfo=UTC)


class Clock:
    """Nanoseconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_ns = 10**12

    def __call__(self) -> int:
        return self.now_ns

    def pass_s(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


def key(name: str, **fields: Any) -> Key:
    """Return a key whose text is `<name>-text`."""
    return Key(name=name, hash=hash_of(f"{name}-text"), created=CREATED, **fields)


def write(path: Path, *keys: Key) -> None:
    """Replace the file, as an editor or a mount does."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(keys_to_lines(keys))
    draft.replace(path)
