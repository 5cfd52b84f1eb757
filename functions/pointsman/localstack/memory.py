"""How much memory a process holds."""

from __future__ import annotations

from pathlib import Path


def resident_mib(pid: int) -> int:
    """Return the process's proportional share of memory in MiB, 0 where there is none or it is foreign."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("Pss:")), 0)
