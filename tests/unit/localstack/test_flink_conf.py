"""The engine's settings have names that Flink knows: others it ignores in silence."""

from __future__ import annotations

import zipfile
from pathlib import Path

import yaml

from pointsman.localstack import enginefiles

JARS = ("flink-core-", "flink-runtime-1", "flink-streaming-java-")
# Read by StateFun, whose jar is too large to be searched in each run.
STATEFUN = {"statefun.flink-job-name"}


def options_of(jar: Path) -> bytes:
    """Return the classes that declare options: a name in them is a name there is."""
    with zipfile.ZipFile(jar) as classes:
        return b"".join(classes.read(name) for name in classes.namelist() if name.endswith("Options.class"))


def test_every_setting_has_a_name_that_flink_knows() -> None:
    files = enginefiles.ensure()
    known = b"".join(
        options_of(jar) for jar in files.engine_lib.glob("flink-*.jar") if jar.name.startswith(JARS)
    )
    settings = yaml.safe_load((files.conf / "flink-conf.yaml").read_text())
    assert [name for name in settings if name.encode() not in known and name not in STATEFUN] == []
