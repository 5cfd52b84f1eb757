"""Classes of the engine, parsed and verified once for all its starts (the JVM's class data sharing)."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

_DUMP_S = 60.0


class ClassArchive:
    """The archive beside the jars in `lib`. It is a matter of speed alone: without it the engine starts too.

    The JVM leaves it aside, without a word, where a jar or the Java changed; so it is written anew then.
    """

    def __init__(self, lib: Path) -> None:
        self._lib = lib
        self._file = lib.parent / "classes.jsa"

    def is_fresh(self) -> bool:
        """Whether it is there and younger than all that went into it."""
        java = shutil.which("java")
        sources = [*self._lib.glob("*.jar"), *([Path(java).resolve()] if java else [])]
        try:
            made = self._file.stat().st_mtime
            return all(source.stat().st_mtime <= made for source in sources)
        except OSError:
            return False

    def options(self) -> tuple[str, ...]:
        """Return what the JVM is told: to use the archive, or to note what belongs into one."""
        use = f"-XX:SharedArchiveFile={self._file}" if self.is_fresh() else "-XX:+RecordDynamicDumpInfo"
        return (use, "-Xlog:cds=off", "-Xlog:cds+dynamic=off")

    def write(self, pid: int) -> None:
        """Write it from a JVM that was started with `options` and has done all it does at a start.

        The JVM stands still meanwhile, some 5 s. A Java without jcmd, or a folder that cannot be written,
        leaves the next start as slow as this one was.
        """
        fresh = self._file.with_suffix(f".{pid}")
        command = ["jcmd", str(pid), "VM.cds", "dynamic_dump", str(fresh)]
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(command, capture_output=True, timeout=_DUMP_S, check=False)
            os.replace(fresh, self._file)
