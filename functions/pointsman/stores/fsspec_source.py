"""Artifacts in the stores that fsspec knows: s3://, gs://, abfs://, sftp:// and the like."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pointsman.core.uri import scheme_of, shown
from pointsman.errors import FAILED_PRECONDITION, NOT_FOUND, Failure, LoadError
from pointsman.stores.source import BLOCK, Stream, Unreachable


class FsspecSource:
    """One URI of a file system that fsspec knows. Credentials are those of its environment."""

    def __init__(self, uri: str, login: str, field: str) -> None:
        self._uri = uri
        self._login = login
        self._field = field

    @contextmanager
    def open(self, start: int) -> Iterator[Stream]:
        """Return the bytes from `start` on."""
        try:
            system, path = file_system(self._uri, self._login)
            total = int(system.size(path) or 0)
            file = system.open(path, "rb")
        except LookupError as error:
            raise self._failed(FAILED_PRECONDITION, str(error.args[0])) from None
        except FileNotFoundError:
            raise self._failed(NOT_FOUND, f"there is no {shown(self._uri)}") from None
        except PermissionError:
            raise self._failed(FAILED_PRECONDITION, f"{shown(self._uri)} may not be read") from None
        except Exception as error:  # noqa: BLE001 - each file system has its own
            raise self._away(error) from None
        with file:
            yield Stream(start, total, self._blocks(file, start))

    def _blocks(self, file: Any, start: int) -> Iterator[bytes]:
        try:
            file.seek(start)
            while block := file.read(BLOCK):
                yield block
        except Exception as error:  # noqa: BLE001 - each file system has its own
            raise self._away(error) from None

    def _away(self, error: Exception) -> Unreachable:
        # The words of others may hold a URL with its credentials.
        return Unreachable(f"{shown(self._uri)} cannot be read ({type(error).__name__})")

    def _failed(self, code: str, said: str) -> LoadError:
        return LoadError(Failure(code, f"{self._field}: {said}", self._field))


def file_system(uri: str, login: str = "") -> tuple[Any, str]:
    """Return the file system of a URI and the path in it.

    Raises LookupError where a package is missing or nobody knows the scheme, and what the file system raises.
    """
    scheme = scheme_of(uri)
    try:
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations
    except ImportError:
        raise LookupError(f"{scheme}:// needs fsspec; pip install 'pointsman[stores]' there") from None
    head, slashes, rest = uri.partition("://")
    whole = f"{head}{slashes}{login}@{rest}" if login else uri
    try:
        system, path = url_to_fs(whole)
    except ImportError:
        remedy = known_implementations.get(scheme, {}).get("err", "install the package of this scheme")
        raise LookupError(f"{scheme}:// needs another package beside fsspec: {remedy}") from None
    except ValueError:
        raise LookupError(f"no store is known for {shown(uri)}") from None
    return system, str(path)
