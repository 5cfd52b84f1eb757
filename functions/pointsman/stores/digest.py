"""The digest under which a file is known."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from pointsman.stores.source import BLOCK


def sha256_of(path: Path, take: Callable[[bytes], object] = lambda _: None) -> str:
    """Return a file's SHA-256 in hexadecimal; `take` is given its bytes, block by block. Raises OSError."""
    digest = hashlib.sha256()
    for block in blocks_of(path):
        digest.update(block)
        take(block)
    return digest.hexdigest()


def blocks_of(path: Path, size: int = sys.maxsize) -> Iterator[bytes]:
    """Yield the first `size` bytes of a file, or all of them. Raises OSError."""
    with path.open("rb") as file:
        while size > 0 and (block := file.read(min(BLOCK, size))):
            size -= len(block)
            yield block
