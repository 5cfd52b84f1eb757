"""What an upload's path and query say: which version its file is to be, and how that is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from pointsman.core.ids import GRAMMAR, is_name
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.runtimes.framework import FRAMEWORKS, runtime_of

# What is said of a file in the query, beside the body that it is.
PARAMETERS: Final = ("name", "runtime", "sha256", "pool", "factory")

# The name of a file in a folder of ours, and the end of a URI.
_FILE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FACTORY: Final = re.compile(r"[\w.]{1,200}:\w{1,100}", re.ASCII)


class Upload(msgspec.Struct, frozen=True):
    """A version of a model whose artifact is the file `name`; empty `pool`: the usual one.

    `sha256` is what the sender takes the file's digest for, empty where it does not say.
    """

    model: str
    version: str
    name: str
    runtime: str
    sha256: str = ""
    pool: str = ""
    factory: str = ""


def upload_of(model: str, version: str, query: str) -> Upload | Failure:
    """Return the upload that a path and its query mean, or the first thing that is wrong with them."""
    said = _said(query)
    if isinstance(said, Failure):
        return said
    name = said.get("name", "")
    upload = Upload(
        model,
        version,
        name,
        said.get("runtime") or runtime_of(name),
        said.get("sha256", ""),
        said.get("pool", ""),
        said.get("factory", ""),
    )
    return next(_faults(upload), upload)


def _said(query: str) -> dict[str, str] | Failure:
    said: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in PARAMETERS:  # a misspelt digest must not mean no digest
            return _wrong("query", f"{key[:50]!r} is unknown; there are {', '.join(PARAMETERS)}")
        if key in said:
            return _wrong(key, "is said twice")
        said[key] = value
    return said


def _faults(upload: Upload) -> Iterator[Failure]:
    known = {name: one.suffixes for name, one in FRAMEWORKS.items() if one.suffixes}
    if not is_name(upload.model):
        yield _wrong("model", f"a name is {GRAMMAR}")
    if not is_name(upload.version):
        yield _wrong("version", f"a version is {GRAMMAR}")
    if not _FILE.fullmatch(upload.name):
        yield _wrong("name", f"say how the file is called, ?name=model.onnx; a name is {_FILE.pattern}")
    if not upload.runtime:
        kinds = ", ".join(suffix for suffixes in known.values() for suffix in suffixes)
        yield _wrong("name", f"of no kind that is known by its name ({kinds}); say runtime, too")
    if upload.runtime not in known:
        yield _wrong("runtime", f"none that loads a file; there are {', '.join(known)}")
    if upload.sha256 and not _DIGEST.fullmatch(upload.sha256):
        yield _wrong("sha256", "must be 64 hexadecimal digits, in lower case")
    if upload.pool and not is_name(upload.pool):
        yield _wrong("pool", f"a pool is {GRAMMAR}")
    if upload.factory and not _FACTORY.fullmatch(upload.factory):
        yield _wrong("factory", "is package.module:function")


def _wrong(field: str, message: str) -> Failure:
    return Failure(INVALID_ARGUMENT, f"{field}: {message}", field)
