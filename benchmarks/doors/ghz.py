"""ghz, the load generator of the gRPC doors: closed loop, built from its Go module."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from google.protobuf import descriptor_pb2

from benchmarks.doors.forms import ROW
from benchmarks.doors.wrk import PATIENCE_S, Run
from benchmarks.stream.models import WIDTH
from pointsman.pb.oip import grpc_service_pb2 as oip
from scripts.environments import Unavailable
from scripts.kept import kept

VERSION: Final = "v0.121.0"
MODULE: Final = f"github.com/bojand/ghz/cmd/ghz@{VERSION}"
BUILDS_WITHIN_S: Final = 600
CALL: Final = "inference.GRPCInferenceService.ModelInfer"
# HTTP/2 carries many calls at once; clients keep few connections.
CONNECTIONS: Final = 8


class _Share(msgspec.Struct):
    percentage: int
    latency: int
    """Nanoseconds."""


class _Report(msgspec.Struct):
    count: int
    total: int
    """Nanoseconds."""
    latency_distribution: list[_Share] | None = msgspec.field(name="latencyDistribution", default=None)
    codes: dict[str, int] = msgspec.field(name="statusCodeDistribution", default_factory=dict)


def program() -> Path:
    """Return ghz, built the first time. Raises Unavailable."""
    return kept("ghz", MODULE, _build) / "ghz"


def _build(folder: Path) -> None:
    if shutil.which("go") is None:
        raise Unavailable("ghz is built with Go, which is not there")
    done = subprocess.run(
        ("go", "install", MODULE), env=os.environ | {"GOBIN": str(folder)}, capture_output=True, text=True,
        timeout=BUILDS_WITHIN_S, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise Unavailable(f"ghz cannot be built: {done.stderr.strip().splitlines()[-1:]}")


def prepared(folder: Path, model: str) -> tuple[Path, Path]:
    """Write the description of the service and a call's bytes, the tensor raw, and return their paths."""
    described, call = folder / "oip.protoset", folder / "call.bin"
    request = oip.ModelInferRequest(model_name=model)
    request.inputs.add(name="x", datatype="FP32", shape=[1, WIDTH])
    request.raw_input_contents.append(np.array(ROW, "<f4").tobytes())
    call.write_bytes(request.SerializeToString())
    files = descriptor_pb2.FileDescriptorSet()
    for file in (*oip.DESCRIPTOR.dependencies, oip.DESCRIPTOR):
        file.CopyToProto(files.file.add())
    described.write_bytes(files.SerializeToString())
    return described, call


def run(ghz: Path, address: str, described: Path, call: Path, calls: int, seconds: float) -> Run:
    """Keep so many calls in flight for so many seconds; those at the end are waited for."""
    command = (
        str(ghz), "--insecure", "--protoset", str(described), "--call", CALL, "--binary-file", str(call),
        "--concurrency", str(calls), "--connections", str(min(calls, CONNECTIONS)),
        "--duration", f"{seconds:g}s", "--duration-stop", "wait", "--timeout", f"{PATIENCE_S}s",
        "--format", "json", address,
    )  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True, timeout=seconds + 2 * PATIENCE_S)
    return parse(done.stdout)


def parse(said: bytes) -> Run:
    """Return what ghz's JSON says. Raises MsgspecError where it is none."""
    report = msgspec.json.decode(said, type=_Report)
    latencies = {share.percentage: share.latency / 1000 for share in report.latency_distribution or ()}
    good, unavailable = report.codes.get("OK", 0), report.codes.get("Unavailable", 0)
    return Run(
        answered=report.count - unavailable,
        took_us=report.total / 1000,
        p50_us=latencies.get(50, 0),
        p99_us=latencies.get(99, 0),
        refused=report.count - good - unavailable,
        broken=unavailable,
    )
