"""Where the jars and files of broker and engine are: a checkout's, or those an installed wheel resolves."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import msgspec

from pointsman import __version__
from pointsman.errors import StackError

DOWNLOAD_MB = 260


class EngineFiles(msgspec.Struct, frozen=True):
    """What starting the two JVMs takes."""

    engine_lib: Path
    broker_lib: Path
    conf: Path
    module: Path

    @property
    def job_jar(self) -> Path:
        """The jar that is submitted as the job: our own small one. The main class is on the classpath.

        The engine copies it thrice at each start: the distribution's 107 MB would take a second.
        """
        return self.engine_lib / "pointsman-engine.jar"

    @property
    def unfinished(self) -> Path:
        """A file that is there while Maven fills the folders."""
        return self.engine_lib.parents[1] / "unfinished"

    @property
    def built(self) -> bool:
        """Whether both folders of jars are filled, and not by a build that was cut short."""
        if self.unfinished.exists():
            return False
        is_engine = self.job_jar.exists() and any(self.engine_lib.glob("statefun-*.jar"))
        return is_engine and any(self.broker_lib.glob("kafka_*.jar"))


def ensure(say: Callable[[str], None] = lambda line: None) -> EngineFiles:
    """Return the files, built or downloaded by Maven where they are missing.

    `say` gets a line before a long step. Raises StackError with the command that mends it.
    """
    files, pom = locate()
    if not files.built:
        say(f"building the engine with Maven: downloads up to {DOWNLOAD_MB} MB the first time")
        _build(pom, files.unfinished)
    if not files.built:
        raise StackError(f"{pom} built, but {files.engine_lib} or {files.broker_lib} holds no jars")
    return files


def locate() -> tuple[EngineFiles, Path]:
    """Return the files as they should be, built or not, and the pom that builds them."""
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "engine" / "pom.xml").is_file() and (checkout / "module.yaml").is_file():
        return _below(checkout / "engine", checkout / "module.yaml"), checkout / "engine" / "pom.xml"
    packaged = Path(str(resources.files("pointsman.localstack"))) / "engine"
    if not (packaged / "pom.xml").is_file():
        raise StackError("this installation lacks the engine's files; reinstall pointsman")
    work = _cache() / f"engine-{__version__}"
    # Maven writes beside its pom, and the package's folder may belong to root.
    shutil.copytree(packaged, work, dirs_exist_ok=True)
    return _below(work, work / "module.yaml"), work / "pom.xml"


def _below(engine: Path, module: Path) -> EngineFiles:
    target = engine / "target"
    return EngineFiles(target / "engine" / "lib", target / "broker" / "lib", engine / "conf", module)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pointsman"


def _build(pom: Path, unfinished: Path) -> None:
    if shutil.which("mvn") is None:
        raise StackError("Maven is missing: sudo apt-get install -y maven")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    unfinished.touch()
    command = ["mvn", "-q", "-B", "-f", str(pom), "package", "-DskipTests"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=pom.parent)
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).splitlines()[:15])
        raise StackError(f"Maven could not build the engine ({' '.join(command)}):\n{tail}")
    unfinished.unlink()
