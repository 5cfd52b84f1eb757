"""What loading a remote has in common: its address is allowed, its key is there, and it answers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from pointsman.core.spec import VersionSpec
from pointsman.core.uri import shown
from pointsman.errors import INVALID_ARGUMENT, UNAVAILABLE, Failure, LoadError
from pointsman.runtimes.remote.address import Address, address_of
from pointsman.runtimes.remote.caller import Caller
from pointsman.runtimes.remote.http_line import HttpLine
from pointsman.runtimes.remote.key import key_of
from pointsman.runtimes.remote.options import Options
from pointsman.runtimes.remote.trouble import Trouble, Unsent
from pointsman.settings import Settings

T = TypeVar("T")

# Loading asks once; the pod comes again where there is no answer.
INTRODUCTION_S: Final = 5.0


class Place(NamedTuple):
    """A model at a remote; `version` is empty where the remote decides."""

    address: Address
    model: str
    version: str


def place_of(spec: VersionSpec, settings: Settings, form: str, wanted: str) -> Place:
    """Return the place that a URI names, whose path is of a `form` with groups; raises LoadError."""
    address = address_of(spec.uri, settings.remotes)
    found = re.fullmatch(form, address.path)
    if found is None:
        raise LoadError(Failure(INVALID_ARGUMENT, f"uri: {shown(spec.uri)!r} is not {wanted}", "uri"))
    return Place(address, found["model"], found["version"] or "")


def line_to(address: Address, options: Options, settings: Settings) -> HttpLine:
    """Return connections over HTTP; raises LoadError."""
    key = key_of(options.key_env, address, settings.remotes)
    return HttpLine(address, key, options.connections, settings.remote_bytes)


def introduced(caller: Caller, ask: Callable[[float], T], close: Callable[[], None]) -> T:
    """Return what a remote says of itself; raises LoadError, with the connections closed."""
    try:
        return caller.call(ask, time.monotonic() + INTRODUCTION_S)
    except Trouble as trouble:
        close()
        raise LoadError(trouble.failure) from trouble
    except Unsent:
        close()
        raise LoadError(Failure(UNAVAILABLE, "the remote has no connection free")) from None
    except BaseException:
        close()
        raise
