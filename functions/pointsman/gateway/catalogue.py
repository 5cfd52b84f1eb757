"""What models there are: the newest table of each, as the routes topic has them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping

from pointsman.core.table import RouteTable
from pointsman.pod.follower import Follower


class Catalogue(Mapping[str, RouteTable]):
    """Tables by model, current to within milliseconds once `is_ready`."""

    def __init__(self, kafka: str) -> None:
        self._tables: dict[str, RouteTable] = {}
        self._follower = Follower(kafka, self._learn)

    @property
    def is_ready(self) -> bool:
        """Whether all tables there were are known."""
        return self._follower.caught_up

    def __getitem__(self, model: str) -> RouteTable:
        return self._tables[model]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    @contextlib.asynccontextmanager
    async def lifetime(self) -> AsyncIterator[None]:
        """Follow the topic while the application runs."""
        self._follower.start()
        try:
            yield
        finally:
            await self._follower.stop()

    def _learn(self, model: str, table: RouteTable | None) -> None:
        if table is not None:
            self._tables[model] = table
        else:
            self._tables.pop(model, None)
