"""The repository as git sees it: files that are committed or would be."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GENERATED = ROOT / "functions" / "pointsman" / "pb"  # in a folder for each package of proto/


def files(*suffixes: str) -> list[Path]:
    """Return the repository's files with one of these suffixes; all of them if none is given."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and (not suffixes or path.suffix in suffixes)]


def written(*suffixes: str) -> list[Path]:
    """Return those files that somebody wrote, so without generated code."""
    return [path for path in files(*suffixes) if GENERATED not in path.parents]
