"""The steps of a version that is published: a file that names them, and the files that they read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from pointsman.core.uri import scheme_of
from pointsman.errors import SettingsError
from pointsman.stores.artifacts import Artifact

_FIELDS: Final = ("before", "after")


def read_steps(file: str, put: Callable[[Path], Artifact]) -> dict[str, Any]:
    """Return `before` and `after` of a YAML or JSON file, the files of their steps put into a store.

    Paths are relative to the file. Raises SettingsError naming it and what is wrong; what the words mean is
    for the router and the pods to judge.
    """
    path = Path(file).expanduser()
    try:
        tree = yaml.safe_load(path.read_text())
        if not isinstance(tree, dict) or not set(tree) <= set(_FIELDS):
            raise SettingsError(f"--steps {file}: it holds `before` and `after`, and nothing else")
        return {field: _stored(steps, path.parent, put) for field, steps in tree.items()}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"--steps {file}: {' '.join(str(error).split())}") from error


def _stored(steps: Any, base: Path, put: Callable[[Path], Artifact]) -> Any:
    if not isinstance(steps, list):
        return steps
    return [_one(step, base, put) if isinstance(step, dict) else step for step in steps]


def _one(step: dict[str, Any], base: Path, put: Callable[[Path], Artifact]) -> dict[str, Any]:
    uri = step.get("uri")
    if not isinstance(uri, str) or scheme_of(uri):
        return step
    stored = put(base / Path(uri).expanduser())
    return {**step, "uri": stored.uri, "sha256": stored.sha256}
