"""URIs of artifacts: which may be fetched, what of one may be shown, and those that hold their bytes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from pointsman.core.files import files_of
from pointsman.core.spec import VersionSpec
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure

# An artifact that travels with its command is part of the table, which travels with each call of its router.
MAX_INLINE: Final = 64 << 10
FILE: Final = "file"
BLOB: Final = "blob"
DATA: Final = "data"
# What is on the pod's own disk, or importable there.
AT_HAND: Final = (FILE, "python")
# In any case, and behind what those who take a URI apart pass over.
_SCHEME: Final = re.compile(r"[\x00- ]*([A-Za-z][A-Za-z0-9+.-]*):")
_LETTERS: Final = re.compile(r"[!-\[\]-~]+")  # printable, and no backslash: parsers disagree on it
_ENDING: Final = re.compile(r"\.[A-Za-z0-9]{1,16}\Z")
_BLOB: Final = re.compile(r"blob:([0-9a-f]{64})(?:/[^/?#]*)?\Z")


def scheme_of(uri: str) -> str:
    """Return the scheme of a URI, in lower case; empty where it has none."""
    found = _SCHEME.match(uri)
    return found.group(1).lower() if found else ""


def names_user(uri: str) -> bool:
    """Whether a URI holds a user or a password; one that cannot be taken apart may."""
    try:
        return "@" in urlsplit(uri).netloc
    except ValueError:
        return True


def shown(uri: str) -> str:
    """Return what may be shown of a URI: no user, no password, no query; of bytes only how many there are."""
    scheme = scheme_of(uri)
    if scheme == DATA:
        return f"data:… ({len(uri)} characters)"
    if scheme in ("", *AT_HAND):
        return uri
    plain = uri.partition("#")[0].partition("?")[0]
    head, slashes, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    return f"{head}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def ending_of(uri: str) -> str:
    """Return how the artifact's name ends, `.onnx`; empty where that says nothing."""
    if scheme_of(uri) == DATA:
        name = re.search(r";name=([^;,]*)", uri.partition(",")[0])
        path = name.group(1) if name else ""
    else:
        path = uri.partition("#")[0].partition("?")[0]
    found = _ENDING.search(unquote(path))
    return found.group() if found else ""


def data_uri(content: bytes, name: str) -> str:
    """Return the URI that holds bytes under the name of their file."""
    return f"data:;name={quote(name, safe='')};base64,{base64.b64encode(content).decode()}"


def data_of(uri: str) -> bytes:
    """Return the bytes that a `data:` URI holds; raises ValueError saying why there are none."""
    head, comma, text = uri.partition(",")
    if not comma or scheme_of(head) != DATA:
        raise ValueError("a data: URI is data:;name=NAME;base64,TEXT")
    if len(text) > MAX_INLINE * 3:
        raise ValueError(f"a data: URI holds at most {MAX_INLINE} bytes")
    try:
        is_base64 = head.endswith(";base64")
        content = base64.b64decode(text, validate=True) if is_base64 else unquote_to_bytes(text)
    except (binascii.Error, ValueError):
        raise ValueError("the data: URI is no base64") from None
    if len(content) > MAX_INLINE:
        raise ValueError(f"a data: URI holds at most {MAX_INLINE} bytes, not {len(content)}")
    return content


def digest_of_blob(uri: str) -> str:
    """Return the digest that a `blob:SHA256/NAME` URI names; empty where it is none."""
    found = _BLOB.match(uri)
    return found.group(1) if found else ""


def is_at_hand(spec: VersionSpec) -> bool:
    """Whether nothing of a version has to be fetched."""
    return all(scheme_of(file.uri) in ("", *AT_HAND) for file in files_of(spec))


def address_fault(spec: VersionSpec) -> Failure | None:
    """Return what is wrong with where a version's files are, or None. Fields are the version's own."""
    return next((fault for file in files_of(spec) if (fault := _fault(*file)) is not None), None)


def _fault(field: str, uri: str, digest_field: str, digest: str) -> Failure | None:
    scheme = scheme_of(uri)
    if scheme in ("", *AT_HAND):
        return None
    said = _inline_fault(uri, digest) if scheme == DATA else _remote_fault(uri, digest)
    if said:
        return Failure(INVALID_ARGUMENT, f"{field}: {said}", field)
    if not digest:
        remedy = f"what is fetched needs a digest; give {digest_field}, as `sha256sum` or `publish` says it"
        return Failure(FAILED_PRECONDITION, f"{digest_field}: {remedy}", digest_field)
    return None


def _inline_fault(uri: str, digest: str) -> str:
    try:
        found = hashlib.sha256(data_of(uri)).hexdigest()
    except ValueError as error:
        return str(error)
    return f"the data: URI holds {found}, not {digest}" if digest not in ("", found) else ""


def _remote_fault(uri: str, digest: str) -> str:
    try:
        parts = urlsplit(uri)
        segments = unquote(parts.path).split("/")
    except ValueError as error:
        return f"it is no URI: {error}"
    if not _LETTERS.fullmatch(uri) or "::" in uri:
        return "a URI has printable letters of ASCII, no backslash and no second URI behind `::`"
    if "@" in parts.netloc:
        return "a URI holds no user and no password; the pods' setting `stores` may"
    if ".." in segments or "." in segments:
        return "a path goes straight: no . or .. in it"
    if parts.scheme == BLOB and digest_of_blob(uri) != (digest or digest_of_blob(uri) or "-"):
        return "a blob is blob:SHA256/NAME, of the digest that the version names"
    return ""
