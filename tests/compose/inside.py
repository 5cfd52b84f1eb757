"""`unshare ... python -m tests.compose.inside FOLDER`: the composed system, one inference, a death, another.

Runs in namespaces of its own: mounts, network and processes, so no port or file of the machine is touched and
nothing is left behind. Writes one line of JSON.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import struct
import sys
from pathlib import Path

import numpy as np

from pointsman.client import Client
from pointsman.client.grpc import GrpcClient
from pointsman.client.http import HttpClient
from pointsman.localstack import rest
from pointsman.localstack.job import Job
from tests.compose import rootfs
from tests.compose.composition import ROOT, Composition, Service, read
from tests.compose.images import Image, image_of
from tests.compose.machine import Machine

SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1

ANSWERED_WITHIN_S = 60.0
REST_PORT = 8081

CODE = '''"""A model of the user's own."""


class Doubling:
    """Doubles what it gets."""

    signature = {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    }

    def forward(self, items):
        return [{"y": item["x"] * 2} for item in items]
'''
MODEL = {
    "model": "doubling",
    "versions": {"1": {"uri": "python:doubling:Doubling", "runtime": "python"}},
    "route": {"split": {"1": 100}},
}


def main(folder: Path) -> None:
    """Compose, infer, kill the master, infer again."""
    _loopback_up()
    composition = read({**os.environ, **_own_folders(folder)})
    addresses = {name: f"127.0.1.{number}" for number, name in enumerate(composition.services, 1)}
    images = _images(composition, addresses, folder)
    _enter(composition, images, addresses, folder)
    machine = Machine(composition, images, folder / "logs")
    machine.up()
    first = asyncio.run(_apply_and_infer())
    job = Job(REST_PORT)
    done = job.checkpoints()
    machine.wait("master", lambda: job.checkpoints() > done)
    machine.kill("master")
    machine.start("master")  # as its restart policy does
    machine.await_healthy("master")
    found = {"first": first, "after_death": asyncio.run(_infer()), "restored": _restored()}
    sys.stdout.write(json.dumps(found | _over_http_and_grpc(addresses["gateway"])))


def _own_folders(folder: Path) -> dict[str, str]:
    code, models = folder / "code", folder / "models"
    for each in (code, models, folder / "logs", folder / "volumes"):
        each.mkdir()
    (code / "doubling.py").write_text(CODE)
    return {"POINTSMAN_CODE": str(code), "POINTSMAN_MODELS": str(models)}


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


def _images(composition: Composition, addresses: dict[str, str], folder: Path) -> dict[str, Image]:
    images: dict[str, Image] = {}
    for name, service in composition.services.items():
        scratch = folder / f"image-{name}"
        scratch.mkdir()
        images[name] = image_of(service, addresses[name], scratch)
    return images


def _enter(
    composition: Composition, images: dict[str, Image], addresses: dict[str, str], folder: Path
) -> None:
    hosts = folder / "hosts"
    known = {"localhost": "127.0.0.1", **addresses}
    hosts.write_text("".join(f"{address} {name}\n" for name, address in known.items()))
    mounts = {"/etc/hosts": hosts}
    for name, service in composition.services.items():
        mounts.update(images[name].mounts)
        mounts.update(_volumes(service, folder / "volumes"))
    rootfs.enter(folder / "root", mounts)


def _volumes(service: Service, folder: Path) -> dict[str, Path]:
    mounts: dict[str, Path] = {}
    for path, source in service.mounts().items():
        mounts[path] = Path(source) if source.startswith("/") else folder / source
        if source.startswith("."):
            mounts[path] = ROOT / source
        mounts[path].mkdir(exist_ok=True)
    return mounts


def _restored() -> bool:
    """Return whether the running job began with a checkpoint."""
    (job,) = rest.get_json(REST_PORT, "/jobs/overview")["jobs"]
    return rest.get_json(REST_PORT, f"/jobs/{job['jid']}/checkpoints")["latest"]["restored"] is not None


async def _apply_and_infer() -> list[list[float]]:
    async with Client("kafka:9092") as client:
        await client.apply(MODEL, timeout=ANSWERED_WITHIN_S)
    return await _infer()


async def _infer() -> list[list[float]]:
    async with Client("kafka:9092") as client:
        row = np.array([[1.0, 2.0]], dtype=np.float32)
        prediction = await client.predict("doubling", {"x": row}, timeout=ANSWERED_WITHIN_S)
    doubled: list[list[float]] = prediction.outputs["y"].tolist()
    return doubled


def _over_http_and_grpc(address: str) -> dict[str, list[list[float]]]:
    """Return what the gateway answers; by its address, for without keys it answers to few names."""
    row = {"x": np.array([[1.0, 2.0]], dtype=np.float32)}
    with HttpClient(f"http://{address}:8080") as http, GrpcClient(f"grpc://{address}:8001") as grpc:
        answers = {"http": http.predict("doubling", row), "grpc": grpc.predict("doubling", row)}
    return {door: answer.outputs["y"].tolist() for door, answer in answers.items()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
