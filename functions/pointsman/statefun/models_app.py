"""The application of a pod: the model function around a host."""

from __future__ import annotations

from collections.abc import Callable

from pointsman.http.app import App
from pointsman.runtimes.host import Host
from pointsman.settings import Settings
from pointsman.statefun.claims import Claims
from pointsman.statefun.model_fn import ModelFunction
from pointsman.statefun.server import FunctionServer
from pointsman.stores.redis_blobs import RedisBlobs


def models_app(
    settings: Settings, host: Host, is_ready: Callable[[], bool], is_outdated: Callable[[str, int], bool]
) -> App:
    """Return the application that serves `models/*` on the host.

    It is ready when the pod knows what to hold. `is_outdated(model, epoch)` says that the traffic of a model
    has been shifted since an epoch.
    """
    blobs = RedisBlobs(settings.redis) if settings.redis else None
    claims = Claims(blobs, settings.kept_bytes)
    server = FunctionServer()
    server.bind("models", "*", ModelFunction(host, claims, is_outdated=is_outdated))
    server.ready_when(is_ready)
    app = server.app()
    if blobs is not None:
        app.lifetimes.append(blobs.lifetime)
    return app
