"""What a version says about how its remote is asked."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from pointsman.core.spec import VersionSpec
from pointsman.errors import INVALID_ARGUMENT, Failure, LoadError
from pointsman.runtimes.base import one_line

# With a call's own 20 s this stays below the 60 s that the transport waits.
MOST_TIMEOUT_MS: Final = 30_000
_BOUNDS: Final = (("timeout_ms", 1, MOST_TIMEOUT_MS), ("retries", 0, 10), ("connections", 1, 256))


class Options(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What all remotes have."""

    timeout_ms: int = 10_000
    """A request gets so long, with all attempts; less where its own deadline is earlier."""

    retries: int = 2
    """Attempts after the first, on trouble that may be over."""

    connections: int = 8
    """Calls that may be in flight at once, from one pod process."""

    key_env: str = ""
    """The pod's environment variable that holds the API key, sent as a bearer token."""

    @property
    def timeout_s(self) -> float:
        """The time of a request in seconds."""
        return self.timeout_ms / 1000


O = TypeVar("O", bound=Options)  # noqa: E741 - it is the first letter of what it stands for


def options_of(spec: VersionSpec, kind: type[O]) -> O:
    """Return the version's options; raises LoadError naming the one that is none or out of bounds."""
    try:
        options = msgspec.convert(spec.options, kind, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(kind.__struct_fields__)
        raise _invalid("options", f"{error}; there are {known}") from error
    for name, least, most in _BOUNDS:
        if not least <= getattr(options, name) <= most:
            raise _invalid(f"options.{name}", f"must be from {least} to {most}")
    return options


def _invalid(field: str, message: str) -> LoadError:
    return LoadError(Failure(INVALID_ARGUMENT, one_line(f"{field}: {message}"), field))
