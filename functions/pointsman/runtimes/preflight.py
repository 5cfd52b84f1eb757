"""What can be said of a version before it is loaded."""

from __future__ import annotations

from pointsman.core.spec import VersionSpec
from pointsman.runtimes.artifact import path_of
from pointsman.runtimes.framework import target_of
from pointsman.runtimes.loader import PYTHON_SCHEME


def preflight(spec: VersionSpec) -> int:
    """Return the bytes that a version will take, as its file says; 0: nothing says it. Raises LoadError.

    Looks at the file's size only: for weights that are stored as they are computed with it is exact.
    """
    target_of(spec.runtime)
    return 0 if spec.uri.startswith(PYTHON_SCHEME) else path_of(spec.uri).stat().st_size
