from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pointsman.runtimes.framework import FRAMEWORKS
from tests.house.tree import ROOT

PACKAGE = ROOT / "functions" / "pointsman"

# Entry modules of the processes that must start without torch and its like.
LIGHT = ("pointsman.cli.main", "pointsman.statefun.router_app", "pointsman.localstack.topics")


def _modules() -> list[str]:
    paths = [path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py")]
    return sorted(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths)


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_every_folder_of_the_package_is_a_package_that_says_what_it_is_for() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    silent = [
        folder
        for folder in folders
        if not (folder / "__init__.py").exists()
        or not ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    ]
    assert silent == []


def test_every_module_can_be_imported() -> None:
    result = _run("; ".join(f"import {name}" for name in _modules()))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("module", LIGHT)
def test_router_and_command_line_start_without_any_framework(module: str) -> None:
    frameworks = {name for framework in FRAMEWORKS.values() for name in framework.needs}
    result = _run(f"import {module}, sys; sys.exit(bool({frameworks} & set(sys.modules)))")
    assert result.returncode == 0, result.stderr


def test_every_foreign_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = {
        canonicalize_name(Requirement(line).name)
        for line in [
            *project["dependencies"],
            *(line for extra, lines in extras.items() if extra != "dev" for line in lines),
        ]
    }
    givers = metadata.packages_distributions()
    undeclared = {
        root
        for root in _foreign_roots()
        if not declared & {canonicalize_name(name) for name in givers.get(root, [])}
    }
    assert undeclared == set()


def _foreign_roots() -> set[str]:
    own = {"pointsman", "__future__", *sys.stdlib_module_names}
    return {root for path in PACKAGE.rglob("*.py") for root in _roots(path)} - own


def _roots(path: Path) -> set[str]:
    roots: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            roots.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            roots.add(node.module.split(".")[0])
    return roots
