"""How much memory processes hold."""

from __future__ import annotations

from pathlib import Path


def tree_mib(pid: int) -> int:
    """Return the proportional share of memory of a process and all its descendants, in MiB."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold spaces; the parent is the second field after it.
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended meanwhile
        children.setdefault(parent, []).append(int(stat.parent.name))
    waiting, total = [pid], 0
    while waiting:
        current = waiting.pop()
        total += _kib(current)
        waiting += children.get(current, [])
    return total // 1024


def _kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it has ended, or belongs to somebody else
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
