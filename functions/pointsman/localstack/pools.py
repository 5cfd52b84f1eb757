"""Which local port serves which pool: a properties file that the engine re-reads when it changes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from pointsman.errors import StackError
from pointsman.localstack.ports import is_free


class Pools:
    """`pool=host:port` lines. Changes are atomic and safe between processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, str]:
        """Return pool -> host:port."""
        try:
            lines = self.path.read_text().splitlines()
        except FileNotFoundError:
            return {}
        pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
        return {pool.strip(): address.strip() for pool, _, address in pairs}

    def register(self, pool: str, address: str) -> None:
        """Enter a pool. Raises StackError where another live address serves it."""

        def change(pools: dict[str, str]) -> None:
            if pools.get(pool, address) != address and _listens(pools[pool]):
                raise StackError(
                    f"pool {pool} is served by {pools[pool]} already; choose another with --pool"
                )
            pools[pool] = address

        self._update(change)

    def unregister(self, pool: str, address: str) -> None:
        """Remove a pool, if it is still served by `address`."""

        def change(pools: dict[str, str]) -> None:
            if pools.get(pool) == address:
                del pools[pool]

        self._update(change)

    def enter(self, pools: dict[str, str]) -> None:
        """Enter all of `pools`, and forget the others unless somebody serves them still."""

        def change(current: dict[str, str]) -> None:
            for pool in [pool for pool, address in current.items() if not _listens(address)]:
                del current[pool]
            current.update(pools)

        self._update(change)

    def _update(self, change: Callable[[dict[str, str]], None]) -> None:
        with self.path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            pools = self.read()
            change(pools)
            fresh = self.path.with_suffix(".new")
            fresh.write_text("".join(f"{pool}={address}\n" for pool, address in sorted(pools.items())))
            os.replace(fresh, self.path)


def _listens(address: str) -> bool:
    return not is_free(int(address.rpartition(":")[2]))
