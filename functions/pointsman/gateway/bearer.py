"""The bearer of a key: what is left of its limits, and the permits that hold places of them."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from pointsman.core.bucket import Bucket
from pointsman.errors import RESOURCE_EXHAUSTED, Throttled
from pointsman.gateway.key import Key


class Bearer:
    """A key's account: what is left of its rate, and how many of its requests are unanswered."""

    def __init__(self, key: Key, now_ns: int) -> None:
        self.key = key
        self.unanswered = 0
        self._bucket = _bucket(key, now_ns)

    def follow(self, key: Key, now_ns: int) -> None:
        """Go on with the key as its file has it now. Changing a file gives nobody a second burst."""
        self.key = key
        if self._bucket is None or not key.per_1000_s:
            self._bucket = _bucket(key, now_ns)
        else:
            self._bucket.change(key.per_1000_s, key.burst_or_default, now_ns)

    def refusal(self, now_ns: int) -> Throttled | None:
        """Return why a request must wait; None: it may go, and has its token."""
        if 0 < self.key.concurrency <= self.unanswered:
            bound = f"key {self.key.name} may have {self.key.concurrency} unanswered requests at a time"
            return Throttled(RESOURCE_EXHAUSTED, f"{bound}; wait for one to be answered")
        wait_ns = self._bucket.take(now_ns) if self._bucket else 0
        if not wait_ns:
            return None
        wait_ms = -(-wait_ns // 1_000_000)
        rate = f"key {self.key.name} may ask {self.key.rate:.10g} times a second"
        message = f"{rate}; ask again in {wait_ms} ms"
        return Throttled(RESOURCE_EXHAUSTED, message, retry_after_ms=wait_ms)


class Permit:
    """What an admitted request holds until it is answered. Release it once it is, or use it as `with`.

    Releasing it twice is releasing it once.
    """

    def __init__(self, bearer: Bearer | None = None) -> None:
        self._bearer = bearer
        self._key = bearer.key if bearer else None
        if bearer:
            bearer.unanswered += 1

    @property
    def key(self) -> str:
        """The name of the bearer's key, empty where nobody is known."""
        return self._key.name if self._key else ""

    def allows(self, model: str) -> bool:
        """Whether lists may show this model to the bearer."""
        return self._key is None or self._key.allows(model)

    def sees(self, key: str) -> bool:
        """Whether the bearer may see what this key has used: its own, or all that may control."""
        return self._key is None or self._key.may_control or self._key.name == key

    def release(self) -> None:
        """Give the place back."""
        bearer, self._bearer = self._bearer, None
        if bearer:
            bearer.unanswered -= 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _bucket(key: Key, now_ns: int) -> Bucket | None:
    return Bucket(key.per_1000_s, key.burst_or_default, now_ns) if key.per_1000_s else None
