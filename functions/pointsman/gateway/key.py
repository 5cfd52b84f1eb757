"""An API key: what its bearer may ask, and how often. The key's own text is kept nowhere, only its hash."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from pointsman.core.ids import GRAMMAR, is_name
from pointsman.errors import SettingsError

ENTROPY_BYTES: Final = 32
PREFIX: Final = "pm_"  # by which scanners for secrets can find one that leaked
_PATTERN: Final = re.compile(r"[a-z0-9._*?\[\]!-]{1,63}")
_LEAST_RATE: Final = 0.001


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of the keys file. For `rate`, `burst` and `concurrency` 0 means no limit.

    `rate` is in requests per second, in steps of 0.001. `burst` is how many may come at once after a rest; 0:
    as many as come in a second, at least one. `concurrency` is how many may be unanswered at a time.
    `models` are glob patterns. `may_control` allows loading and unloading. Unknown fields are refused: a
    misspelt limit must not mean none.
    """

    name: str
    hash: Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]
    created: Annotated[datetime, Meta(tz=True)]
    models: tuple[str, ...] = ("*",)
    rate: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    burst: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    concurrency: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    may_control: bool = False

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise ValueError(f"{self.name!r} is no name for a key; it must match {GRAMMAR}")
        if not self.models:
            raise ValueError("a key needs a model that it may ask; * is all of them")
        for pattern in self.models:
            if not _PATTERN.fullmatch(pattern):
                raise ValueError(f"{pattern!r} is no pattern of model names, as in digits or fraud-*")
        if 0 < self.rate < _LEAST_RATE:
            raise ValueError(f"a rate is 0 (no limit) or at least {_LEAST_RATE}")
        if self.burst and not self.rate:
            raise ValueError("a burst without a rate limits nothing; set the rate, too")

    @property
    def per_1000_s(self) -> int:
        """The rate in requests per 1,000 s; 0: no limit."""
        return round(self.rate * 1000)

    @property
    def burst_or_default(self) -> int:
        """How many requests may come at once, at least one."""
        return self.burst or max(1, -(-self.per_1000_s // 1000))

    def allows(self, model: str) -> bool:
        """Whether the bearer may ask this model. Its name need not be a valid one."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)


def text_of(entropy: bytes) -> str:
    """Return the key's text, for its bearer alone, made of `ENTROPY_BYTES` random bytes."""
    return PREFIX + base64.urlsafe_b64encode(entropy).decode().rstrip("=")


def hash_of(text: str) -> str:
    """Return the hash by which a key is found: SHA-256 of its UTF-8 bytes.

    No slow hash: that is for passwords, which can be guessed. 256 random bits cannot, and a slow one would
    let strangers use up the processor with wrong keys.
    """
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def keys_from_lines(data: bytes) -> tuple[Key, ...]:
    """Return the keys, a JSON object per line. Raises SettingsError naming the line and what is wrong."""
    keys: list[Key] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            keys.append(msgspec.json.decode(line, type=Key))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SettingsError(f"line {number}: {error}") from error
        if any(keys[-1].name == key.name or keys[-1].hash == key.hash for key in keys[:-1]):
            raise SettingsError(f"line {number}: an earlier line has the same name or hash")
    return tuple(keys)


def keys_to_lines(keys: Iterable[Key]) -> bytes:
    """Return what `keys_from_lines` reads, in the same order."""
    return b"".join(msgspec.json.encode(key) + b"\n" for key in keys)
