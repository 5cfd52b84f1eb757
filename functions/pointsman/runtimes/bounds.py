"""What a version may take: the time of a pass, and the memory of its process."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.core.spec import VersionSpec
from pointsman.settings import Settings

_MIB = 1 << 20


class Bounds(NamedTuple):
    """`timeout_s` is in seconds; `memory` in bytes, 0: no bound."""

    timeout_s: float
    memory: int = 0


class Overgrown(Exception):
    """A process has more memory than it may; the text says how much it may have."""


def bounds_of(spec: VersionSpec, settings: Settings) -> Bounds:
    """Return a version's own bounds, or where it has none those of its pod."""
    return Bounds((spec.compute_timeout or settings.compute_timeout_ms) / 1000, spec.memory)


def mib(size: int) -> str:
    """Return bytes as people read them."""
    return f"{size / _MIB:,.0f} MiB"
