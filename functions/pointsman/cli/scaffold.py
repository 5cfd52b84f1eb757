"""Writes the small project of an own pod."""

from __future__ import annotations

import importlib.util
import keyword
import re
from importlib import resources
from pathlib import Path
from string import Template

from pointsman import __version__
from pointsman.core.ids import GRAMMAR, is_name
from pointsman.errors import SettingsError


def write_pod(name: str, parent: Path) -> list[Path]:
    """Write the project into `parent`/`name` and return its files.

    Raises SettingsError where the name is no model name or the folder exists.
    """
    if not is_name(name):
        raise SettingsError(f"{name!r} is no name for a model: it must match {GRAMMAR}")
    folder = parent / name
    if folder.exists():
        raise SettingsError(f"{folder} exists already; choose another name")
    words = {"name": name, "module": _module(name), "class_name": _class(name), "version": __version__}
    try:
        folder.mkdir(parents=True)
        return [_render(template, folder, words) for template in _templates()]
    except OSError as error:
        raise SettingsError(f"{folder}: {error.strerror}") from error


def _templates() -> list[Path]:
    folder = Path(str(resources.files("pointsman.cli"))) / "templates" / "pod"
    return sorted(folder.glob("*.tmpl"))


def _render(template: Path, folder: Path, words: dict[str, str]) -> Path:
    name = template.name.removesuffix(".tmpl")
    target = folder / {"module.py": f"{words['module']}.py", "test.py": f"test_{words['module']}.py"}.get(
        name, name
    )
    target.write_text(Template(template.read_text()).substitute(words))
    return target


def _module(name: str) -> str:
    """Return an importable name that hides no other module: not `json` for a model called so."""
    module = re.sub(r"\W", "_", name)
    if module[0].isdigit() or keyword.iskeyword(module) or importlib.util.find_spec(module) is not None:
        module = f"model_{module}"
    return module


def _class(name: str) -> str:
    words = re.split(r"[\W_]+", name)
    camel = "".join(word.capitalize() for word in words)
    return f"Model{camel}" if camel[0].isdigit() or keyword.iskeyword(camel) else camel
