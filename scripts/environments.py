"""Python environments for programs that others wrote, each made once and kept under .cache/."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from scripts.kept import kept

INSTALLS_WITHIN_S: Final = 600
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


class Unavailable(Exception):
    """An environment cannot be made; the text is the last that pip said."""


def python_with(*requirements: str, alone: Sequence[str] = (), lent: Sequence[str] = ()) -> Path:
    """Return the interpreter of an environment that has these and nothing of ours.

    Those in `alone` are installed without what they require: somebody's stubs, but not the framework. `lent`
    names distributions of this environment that the new one reads instead of having its own copy, with all
    that they need; what it has itself comes first. Raises Unavailable.
    """

    def make(folder: Path) -> None:
        _call(sys.executable, "-m", "venv", str(folder))
        pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q")
        _call(*pip, *requirements)
        if alone:
            _call(*pip, "--no-deps", *alone)
        _lend(folder, lent)

    loans = [f"{name}=={metadata.version(name)}" for name in lent]
    named = [sys.version, *requirements, *(f"--no-deps {one}" for one in alone), *loans]
    return kept("client", "\n".join(named), make) / "bin" / "python"


def _call(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALLS_WITHIN_S)
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"not installed within {INSTALLS_WITHIN_S} s") from late
    except subprocess.CalledProcessError as failed:
        said = [line for line in failed.stderr.splitlines() if line.strip()]
        raise Unavailable(said[-1] if said else f"pip ended with {failed.returncode}") from failed


def _lend(folder: Path, names: Sequence[str]) -> None:
    """Put links to the distributions on a shelf behind the environment's own packages.

    After pip has done its work: pip must not take them for its own, for it would remove what lies behind.
    """
    if not names:
        return
    shelf = folder / "lent"
    shelf.mkdir()
    for distribution in _with_needs(names):
        for top in {file.parts[0] for file in distribution.files or ()}:
            link, target = shelf / top, Path(str(distribution.locate_file(top)))
            if top not in {"..", "__pycache__"} and not link.exists() and target.exists():
                link.symlink_to(target.resolve())
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(f"{shelf}\n")


def _with_needs(names: Sequence[str]) -> Iterator[metadata.Distribution]:
    """Yield these distributions and, at whatever depth, what they need and this environment has.

    Without their extras: those would bring what makes others faster, as uvloop.
    """
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another platform
        yield found
        needs = [need for need in found.requires or () if "extra ==" not in need]
        waiting += [match[0] for need in needs if (match := _NAME.match(need))]
