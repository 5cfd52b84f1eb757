"""Python models: the user's class, `forward(list) -> list`, in a process of its own for each version."""

from __future__ import annotations

from typing import Final

from pointsman.core.spec import VersionSpec
from pointsman.core.uri import shown
from pointsman.errors import INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.bounds import bounds_of
from pointsman.runtimes.confined import Confined
from pointsman.runtimes.frames import Start
from pointsman.runtimes.process import started
from pointsman.settings import Settings

_SCHEME: Final = "python:"


def load(spec: VersionSpec, settings: Settings) -> Confined:
    """Return the class of a `python:package.module:Class` URI, built in its own process; raises LoadError."""
    target = spec.uri.removeprefix(_SCHEME)
    if not spec.uri.startswith(_SCHEME) or ":" not in target:
        message = f"uri: {shown(spec.uri)!r} is not python:package.module:Class"
        raise LoadError(Failure(INVALID_ARGUMENT, message, "uri"))
    begin = started(settings.threads)
    model = Confined(target, Start(target, spec.options), begin, bounds_of(spec, settings))
    try:
        model.open()
    except BaseException:
        model.unload()
        raise
    model.signature = spec.signature or model.signature
    return model
