"""Model files: the desired state of one model, as a person writes it."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlparse

import yaml

from pointsman.cli.options import absolute_uri
from pointsman.errors import SettingsError

STDIN: Final = "-"
_BLOCK: Final = 1 << 20


def read(source: str) -> list[dict[str, Any]]:
    """Return the models of a file, or of standard input for `-`; a file may hold several documents.

    Paths become absolute file URIs, and artifacts without `sha256` get theirs. Raises SettingsError naming
    the file and what is wrong with it. What the words mean is for the router to judge.
    """
    try:
        text = sys.stdin.read() if source == STDIN else Path(source).read_text()
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except OSError as error:
        raise SettingsError(f"{source}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:  # PyYAML lets a date that is none through as it is
        raise SettingsError(f"{source} is not YAML: {' '.join(str(error).split())}") from error
    if not documents:
        raise SettingsError(f"{source} holds no model")
    base = Path.cwd() if source == STDIN else Path(source).absolute().parent
    return [_completed(source, document, base) for document in documents]


def _completed(source: str, document: Any, base: Path) -> dict[str, Any]:
    if not isinstance(document, dict) or not isinstance(document.get("model"), str):
        raise SettingsError(f"{source}: a model file begins with `model: NAME`")
    versions = document.get("versions")
    if isinstance(versions, dict):
        # YAML reads an unquoted 1 as a number; names are text.
        document["versions"] = {str(name): _version(source, spec, base) for name, spec in versions.items()}
    return document


def _version(source: str, spec: Any, base: Path) -> Any:
    if not isinstance(spec, dict):
        return spec
    completed = _artifact(source, spec, base)
    for field in ("example", "expect"):
        if isinstance(completed.get(field), str) and completed[field]:
            completed[field] = absolute_uri(completed[field], base)
    for field in ("before", "after"):
        if isinstance(completed.get(field), list):
            completed[field] = [
                _artifact(source, step, base) if isinstance(step, dict) else step for step in completed[field]
            ]
    return completed


def _artifact(source: str, described: dict[str, Any], base: Path) -> dict[str, Any]:
    """Return a description with its `uri` made absolute and that file's `sha256`."""
    completed = dict(described)
    if isinstance(completed.get("uri"), str) and completed["uri"]:
        completed["uri"] = absolute_uri(completed["uri"], base)
    uri = completed.get("uri", "")
    if isinstance(uri, str) and uri.startswith("file://") and not completed.get("sha256"):
        completed["sha256"] = _sha256(source, Path(unquote(urlparse(uri).path)))
    return completed


def _sha256(source: str, path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise SettingsError(f"{source}: artifact {path}: {error.strerror}") from error
    return digest.hexdigest()
