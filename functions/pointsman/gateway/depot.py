"""Where uploads are put: the shelf that a gateway's setting names, and the threads that wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from pointsman.core.uri import scheme_of
from pointsman.errors import OUT_OF_RANGE, PERMISSION_DENIED, UNAVAILABLE, ClientError, Failure, SettingsError
from pointsman.settings import Settings
from pointsman.stores.artifacts import Artifact
from pointsman.stores.shelves import INLINE, REDIS, Shelf, shelf_of

log = logging.getLogger(__name__)

PUT_S: Final = 60.0
# A store that hangs holds threads of its own, not those that unpack requests.
AT_ONCE: Final = 2

_CLOSED: Final = Failure(
    PERMISSION_DENIED,
    "this gateway takes no uploads: its setting upload_store (POINTSMAN_UPLOAD_STORE) must say where to",
)
_AWAY: Final = Failure(
    UNAVAILABLE, "the store did not take the artifact; nothing is registered. The gateway's log says why"
)


class Depot:
    """Puts the bytes of uploads onto a shelf; without one it refuses all. Belongs to one event loop."""

    def __init__(self, shelf: Shelf | None, put_s: float = PUT_S) -> None:
        self._shelf = shelf
        self._put_s = put_s
        self._threads = ThreadPoolExecutor(AT_ONCE, "upload")

    @contextlib.asynccontextmanager
    async def lifetime(self) -> AsyncIterator[None]:
        """End the threads with the application; what hangs is not waited for."""
        yield
        self._threads.shutdown(wait=False, cancel_futures=True)

    def refusal(self, size: int) -> Failure | None:
        """Return why so many bytes are not taken, whatever they are; None where they may be."""
        if self._shelf is None:
            return _CLOSED
        if self._shelf.most is not None and size > self._shelf.most:
            most = self._shelf.most
            return Failure(OUT_OF_RANGE, f"an artifact has at most {most} bytes here, this has {size}")
        return None

    async def put(self, name: str, content: bytes) -> Artifact | Failure:
        """Store bytes as a file of this name. What the store says of a failure is for the log alone."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._put_s):
                return await loop.run_in_executor(self._threads, self._put, name, content)
        except TimeoutError:
            log.warning("the store did not take %s within %g s", name, self._put_s)
        except (ClientError, OSError) as error:
            log.warning("the store did not take %s: %s", name, error)
        return _AWAY

    def _put(self, name: str, content: bytes) -> Artifact | Failure:
        if self._shelf is None:
            return _CLOSED
        with tempfile.TemporaryDirectory(prefix="pointsman-upload-") as folder:
            file = Path(folder) / name
            file.write_bytes(content)
            return self._shelf.put(file, lambda _: None)


def depot_of(settings: Settings) -> Depot:
    """Return the depot of a gateway. Raises SettingsError."""
    store = settings.upload_store
    if not store:
        return Depot(None)
    is_word = store in (INLINE, REDIS) or scheme_of(store)
    if not is_word and not Path(store).is_absolute():
        raise SettingsError(
            f"upload_store: {store!r} is none of a folder by its full path, {INLINE}, {REDIS} and a URI"
        )
    try:
        return Depot(shelf_of(store, settings.redis))
    except SettingsError as error:
        raise SettingsError(f"upload_store: {error}") from None
