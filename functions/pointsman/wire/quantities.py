"""Durations and sizes in a version's description, as people write them: `2s`, `512MiB`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.wire.duration import milliseconds

_SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)")
_UNIT: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40} | {
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}


def size(text: str) -> int | None:
    """Return the bytes of `512MiB`, `1.5GB`, `100B`; None where it is no size."""
    found = _SIZE.fullmatch(text.strip())
    return None if found is None else int(float(found[1]) * _UNIT[found[2]])


# field: what reads it, and how it is written
_READ: Final[Mapping[str, tuple[Callable[[str], int | None], str]]] = {
    "compute_timeout": (milliseconds, "a duration such as 2s or 500ms"),
    "memory": (size, "a size such as 512MiB or 2GB"),
}


def in_numbers(versions: Any, field: str) -> Failure | None:
    """Put numbers in the place of the texts of all versions; return the first that cannot be read."""
    if not isinstance(versions, dict):
        return None
    for version, spec in versions.items():
        for name, (read, kind) in _READ.items():
            text = spec.get(name) if isinstance(spec, dict) else None
            if not isinstance(text, str):
                continue
            found = read(text)
            if found is None:
                where = f"{field}.{version}.{name}"
                return Failure(INVALID_ARGUMENT, f"{where}: {text[:40]!r} is not {kind}", where)
            spec[name] = found
    return None
