"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

PACKAGES: Final = ("aiohttp", "confluent-kafka", "flink-statefun", "numpy", "protobuf", "torch", "uvloop")


def measured(at: str, on: dict[str, str]) -> str:
    """Return the sentence that says when and on what a benchmark ran; `on` is what `facts` returned then."""
    return f"measured {at} on: {', '.join(f'{name} {value}' for name, value in on.items())}"


def facts() -> dict[str, str]:
    """Return processor, cores, memory, kernel and the versions that matter."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory_gib": f"{memory:.0f}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "java": _first_line("java", "-version"),
        "gcc": _first_line("gcc", "--version"),
    } | {name: metadata.version(name) for name in PACKAGES}


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _first_line(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.partition("\n")[0]
