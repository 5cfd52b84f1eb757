"""Python environments for programs that others wrote, each made once and kept under .cache/."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
INSTALLS_WITHIN_S: Final = 600
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


class Unavailable(Exception):
    """An environment cannot be made; the text is the last that pip said."""


def python_with(*requirements: str, lent: Sequence[str] = ()) -> Path:
    """Return the interpreter of an environment that has these and nothing of ours.

    `lent` names distributions of this environment that the new one reads instead of having its own copy,
    with all that they need; what it has itself comes first. Raises Unavailable.
    """
    loans = [f"{name}=={metadata.version(name)}" for name in lent]
    key = hashlib.sha256("\n".join([sys.version, *requirements, *loans]).encode()).hexdigest()[:16]
    folder = ROOT / ".cache" / f"client-{key}"
    python, finished = folder / "bin" / "python", folder / "finished"
    if not finished.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _call(sys.executable, "-m", "venv", str(folder))
        _call(str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *requirements)
        _lend(folder, lent)
        finished.touch()
    return python


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
