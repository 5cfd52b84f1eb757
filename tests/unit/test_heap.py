"""Memory that is free goes back to the system."""

from __future__ import annotations

import os
from pathlib import Path

from pointsman import heap

MIB = 1 << 20
PIECES, SIZE = 6_000, 16 << 10


def resident() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_what_is_free_between_pieces_in_use_is_given_back() -> None:
    pieces = [bytearray(SIZE) for _ in range(PIECES)]
    for piece in pieces:
        piece[::4096] = b"x" * (SIZE // 4096)
    kept = pieces[::50]
    del pieces[:], piece
    before = resident()
    assert heap.trim()
    assert before - resident() > 50 * MIB
    assert len(kept) == PIECES // 50
