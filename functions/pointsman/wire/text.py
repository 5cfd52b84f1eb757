"""JSON or YAML text to a tree of bounded size."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import yaml

# YAML is read slowly, half a second for so much, and lists in lists slower still; more must be JSON.
MAX_YAML_BYTES: Final = 16 << 10
MAX_YAML_LISTS: Final = 1_000
# A few aliases of YAML can stand for billions of nodes, or for a text as long as the file many times over.
MAX_NODES: Final = 20_000
MAX_TEXT_BYTES: Final = 256 << 10
MAX_DEPTH: Final = 32


class Unreadable(ValueError):
    """The text is no tree, or too large a one; its message says why."""


def tree_from_text(value: bytes) -> dict[str, Any]:
    """Return the object of a JSON or YAML text, every key a string; raises Unreadable."""
    try:
        tree = _parsed(value)
        if isinstance(tree, dict):
            plain: dict[str, Any] = _Plain().of(tree, MAX_DEPTH)
            return plain
    except Unreadable:
        raise
    except Exception as error:  # PyYAML's constructors raise whatever they meet
        raise Unreadable(f"neither JSON nor YAML: {' '.join(str(error).split())[:200]}") from error
    raise Unreadable("a command is an object with a model and one command")


def _parsed(value: bytes) -> Any:
    if value.lstrip()[:1] == b"{":
        try:
            return msgspec.json.decode(value)
        except msgspec.MsgspecError:
            if b'"' in value:  # YAML in braces can do without
                raise
    if len(value) > MAX_YAML_BYTES or value.count(b"[") > MAX_YAML_LISTS:
        raise Unreadable(f"YAML of more than {MAX_YAML_BYTES} bytes or {MAX_YAML_LISTS} lists; use JSON")
    return yaml.safe_load(value)


class _Plain:
    """Copies a tree with YAML's other keys (`1: 90`) turned into text; counts its nodes and its text."""

    def __init__(self) -> None:
        self._nodes = self._text_bytes = 0

    def of(self, value: Any, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES or depth == 0:
            raise Unreadable(f"more than {MAX_NODES} values, or nested deeper than {MAX_DEPTH}")
        if isinstance(value, dict):
            return {self.of(str(key), depth): self.of(part, depth - 1) for key, part in value.items()}
        if isinstance(value, list):
            return [self.of(part, depth - 1) for part in value]
        if isinstance(value, str):
            # YAML lets half a surrogate pair through, and no topic takes it: that raises here.
            self._text_bytes += len(value.encode())
            if self._text_bytes > MAX_TEXT_BYTES:
                raise Unreadable(f"more than {MAX_TEXT_BYTES} bytes of text")
        return value
