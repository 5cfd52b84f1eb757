"""Durations as people write them."""

from __future__ import annotations

import re
from typing import Final

_FORM: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|min|h|d)")
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(text: str) -> int | None:
    """Return the milliseconds of `500ms`, `2s`, `10min`, `1.5h`, `7d`; None where it is no duration."""
    found = _FORM.fullmatch(text.strip())
    return None if found is None else int(float(found[1]) * _UNIT_MS[found[2]])
