"""What a version's URI points at."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pointsman.core.uri import shown
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, Failure, LoadError
from pointsman.runtimes.base import one_line


def path_of(uri: str, field: str = "uri") -> Path:
    """Return the existing file of a `file://` URI; raises LoadError."""
    try:
        parts = urlsplit(uri)
        path = Path(unquote(parts.path))
        is_there = path.is_file()
    except (OSError, ValueError) as error:
        said = one_line(f"{field}: {shown(uri)!r} cannot be looked at: {error}")
        raise LoadError(Failure(INVALID_ARGUMENT, said, field)) from error
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise LoadError(Failure(INVALID_ARGUMENT, f"{field}: {shown(uri)!r} is not a file:///… URI", field))
    if not is_there:
        raise LoadError(Failure(NOT_FOUND, f"{field}: there is no file {path}", field))
    return path


def verified_sha256(path: Path, wanted: str, field: str = "sha256") -> str:
    """Return the file's SHA-256 in hexadecimal; raises LoadError where it is not `wanted` ("": any)."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if wanted and wanted != found:
        message = f"{field}: {path} has {found}, not {wanted}"
        raise LoadError(Failure(FAILED_PRECONDITION, message, field))
    return found


def is_within(path: Path, stores: Sequence[str]) -> bool:
    """Whether a file really lies, links and dots resolved, below one of the stores' file:// URIs."""
    real = path.resolve()
    roots = (Path(unquote(urlsplit(store).path)).resolve() for store in stores if store.startswith("file://"))
    return any(real.is_relative_to(root) for root in roots)


def imported(target: str, field: str) -> Any:
    """Return the object that `package.module:name` names; raises LoadError."""
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise LoadError(Failure(INVALID_ARGUMENT, f"{field}: {target!r} is not package.module:name", field))
    try:
        importlib.invalidate_caches()
        found: Any = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:
        message = one_line(f"{field}: {target} cannot be imported by {sys.executable}: {error!r}")
        raise LoadError(Failure(NOT_FOUND, message, field)) from error
    return found
