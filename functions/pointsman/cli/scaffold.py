"""Writes small projects that work as they are: of an own pod, and of a model that pods load."""

from __future__ import annotations

import importlib.util
import keyword
import re
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

from pointsman import __version__
from pointsman.core.ids import GRAMMAR, is_name
from pointsman.errors import SettingsError

# How the artifact is called that the training of a runtime writes.
_ENDINGS: Final = {"sklearn": ".skops", "xgboost": ".ubj", "lightgbm": ".txt", "onnx": ".onnx"}


def write_pod(name: str, parent: Path) -> list[Path]:
    """Write the project into `parent`/`name` and return its files.

    Raises SettingsError where the name is no model name or the folder exists.
    """
    return _write(name, parent, sorted(_templates("pod").glob("*.tmpl")), {"class_name": _class(name)})


def write_model(name: str, runtime: str, parent: Path) -> list[Path]:
    """Write a training, its example and its test into `parent`/`name` and return these files.

    Raises SettingsError as `write_pod`, and where there is no training for the runtime.
    """
    if runtime not in _ENDINGS:
        raise SettingsError(
            f"--runtime {runtime!r}: there is none to begin with; there are {', '.join(_ENDINGS)}"
        )
    templates = [_templates("training") / f"{runtime}.py.tmpl", *sorted(_templates("model").glob("*.tmpl"))]
    return _write(name, parent, templates, {"runtime": runtime, "artifact": f"{name}{_ENDINGS[runtime]}"})


def _write(name: str, parent: Path, templates: list[Path], words: dict[str, str]) -> list[Path]:
    if not is_name(name):
        raise SettingsError(f"{name!r} is no name for a model: it must match {GRAMMAR}")
    folder = parent / name
    if folder.exists():
        raise SettingsError(f"{folder} exists already; choose another name")
    words = {"name": name, "module": _module(name), "version": __version__, **words}
    try:
        folder.mkdir(parents=True)
        return sorted(_render(template, folder, words) for template in templates)
    except OSError as error:
        raise SettingsError(f"{folder}: {error.strerror}") from error


def _templates(kind: str) -> Path:
    return Path(str(resources.files("pointsman.cli"))) / "templates" / kind


def _render(template: Path, folder: Path, words: dict[str, str]) -> Path:
    name = template.name.removesuffix(".tmpl")
    named = {"module.py": f"{words['module']}.py", "test.py": f"test_{words['module']}.py"}
    if template.parent.name == "training":
        name = "train.py"
    target = folder / named.get(name, name)
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
    return f"Model{camel}" if not camel or camel[0].isdigit() or keyword.iskeyword(camel) else camel
