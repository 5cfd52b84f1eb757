"""What stands for each image on a machine without Docker: the same programs, started as the image does."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

from tests.compose import dockerfile
from tests.compose.composition import ROOT, Service

ENTRY_POINTS = Path(__file__).parent / "images"
BROKER_LIB = ROOT / "engine/target/broker/lib"
ENGINE_LIB = ROOT / "engine/target/engine/lib"


class Image(NamedTuple):
    """An image: what it brings along and what it runs when the composition does not say."""

    mounts: dict[str, Path]
    environment: dict[str, str]
    entrypoint: list[str]
    command: list[str]


def image_of(service: Service, address: str, scratch: Path) -> Image:
    """Return the stand-in of the service's image; `scratch` is a new folder for what it writes."""
    if service.image.startswith("apache/kafka:"):
        return _kafka(scratch)
    if service.image.startswith("redis:"):
        return Image({}, {}, [], ["redis-server"])
    if service.build and service.build.dockerfile == "engine/Dockerfile":
        return _engine(ROOT / service.build.dockerfile, scratch)
    if service.build and service.build.dockerfile == "functions/Dockerfile":
        return _functions(ROOT / service.build.dockerfile, address)
    raise ValueError(f"nothing stands for the image {service.image}")


def _kafka(scratch: Path) -> Image:
    (scratch / "config").mkdir()
    mounts = {
        "/opt/kafka/libs": BROKER_LIB,
        "/opt/kafka/config": scratch / "config",
        "/etc/kafka/docker/run": ENTRY_POINTS / "kafka.sh",
    }
    # The image's own default; a composition may give another.
    return Image(mounts, {"CLUSTER_ID": "5L6g3nShT-eMCtK--X86sw"}, [], ["bash", "/etc/kafka/docker/run"])


def _engine(path: Path, scratch: Path) -> Image:
    """Lay out what the base image has at the places it has it, then what the Dockerfile copies."""
    lib, conf = scratch / "lib", scratch / "conf"
    lib.mkdir()
    conf.mkdir()
    for jar in ENGINE_LIB.iterdir():
        (lib / jar.name).symlink_to(jar)
    (distribution,) = ENGINE_LIB.glob("statefun-flink-distribution-*.jar")
    (lib / "statefun-flink-core.jar").symlink_to(distribution)  # as the launcher knows it
    mounts = {
        "/opt/flink/lib": lib,
        "/opt/flink/conf": conf,
        "/docker-entry-point.sh": ENTRY_POINTS / "statefun.sh",
    }
    mounts.update(_copied(dockerfile.read(path), conf))
    return Image(mounts, {"FLINK_CONF_DIR": "/opt/flink/conf"}, ["/docker-entry-point.sh"], [])


def _copied(file: dockerfile.Dockerfile, conf: Path) -> dict[str, Path]:
    mounts: dict[str, Path] = {}
    for copy in file.copies:
        if copy.stage:  # our jar, which lies among the engine's
            assert all((ENGINE_LIB / Path(source).name).exists() for source in copy.sources), copy
            continue
        sources = [source for pattern in copy.sources for source in ROOT.glob(pattern.rstrip("/"))]
        if copy.target.startswith("/opt/flink/conf"):
            for source in sources:
                _copy_into(source, conf)
        else:
            (mounts[copy.target],) = sources
    return mounts


def _copy_into(source: Path, folder: Path) -> None:
    for each in source.iterdir() if source.is_dir() else [source]:
        (folder / each.name).write_bytes(each.read_bytes())


def _functions(path: Path, address: str) -> Image:
    file = dockerfile.read(path)
    # All containers share one network here, so each listens on its own address instead of on all of its own.
    environment = {**file.environment, "POINTSMAN_HOST": address}
    environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return Image({}, environment, [], file.command)
