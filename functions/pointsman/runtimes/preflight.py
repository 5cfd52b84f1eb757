"""What can be said of a version before it is loaded."""

from __future__ import annotations

from pointsman.core.spec import VersionSpec
from pointsman.core.uri import FILE, scheme_of
from pointsman.runtimes.artifact import path_of
from pointsman.runtimes.framework import target_of


def preflight(spec: VersionSpec) -> int:
    """Return the bytes that a version will take, as its file says; 0: nothing says it. Raises LoadError.

    Looks at the file's size only: for weights that are stored as they are computed with it is exact. What is
    not on this disk says nothing.
    """
    target_of(spec.runtime)
    return path_of(spec.uri).stat().st_size if scheme_of(spec.uri) == FILE else 0
