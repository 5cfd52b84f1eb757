"""Paths of TensorFlow Serving's REST interface."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

import msgspec

PREDICT: Final = "predict"
CLASSIFY: Final = "classify"
REGRESS: Final = "regress"
STATUS: Final = "status"
METADATA: Final = "metadata"

_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_CALL: Final = re.compile(
    rf"/v1/models/(?P<model>[^/:]+){_VERSION}:(?P<verb>predict|classify|regress)", re.ASCII | re.IGNORECASE
)
_LOOK: Final = re.compile(
    rf"/v1/models(?:/(?P<model>[^/:]+))?{_VERSION}(?:/(?P<verb>metadata))?", re.ASCII | re.IGNORECASE
)
_CALLS: Final = frozenset((PREDICT, CLASSIFY, REGRESS))


class TfsPath(msgspec.Struct, frozen=True):
    """A path's parts, decoded; at most one of version and label is set. Without a model: all models."""

    model: str
    version: str
    label: str
    verb: str

    @property
    def is_call(self) -> bool:
        """Whether it is called with POST: predict, classify or regress. The others are read with GET."""
        return self.verb in _CALLS


def parse_path(path: str) -> TfsPath | None:
    """Return the parts of a path without its query; None where it is not one of this interface.

    The case of all words but the verb of a call is ignored, as TensorFlow Serving does it.
    """
    found = _CALL.fullmatch(path) or _LOOK.fullmatch(path)
    if found is None:
        return None
    model, version, label, verb = found.group("model", "version", "label", "verb")
    if ":" not in path:
        verb = METADATA if verb else STATUS
    elif verb not in _CALLS:
        return None
    return TfsPath(unquote(model or ""), version or "", unquote(label or ""), verb)
