"""TorchServe.

Batches by model-config.yaml in the .mar. Workers: a process for each core where there is one model, its
default; with 20 models one each. `job_queue_size` must hold all connections, else it answers 503. The log
that writes each request is off, as for all.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.doors.forms import row
from benchmarks.doors.peer import PROGRAMS, Launch, Peer, Place
from benchmarks.doors.programs import batching
from pointsman.localstack.ports import HOST

CORES: Final = 2
PACKS_WITHIN_S: Final = 60
LOG4J: Final = """<Configuration><Appenders><Console name="console"><PatternLayout/></Console></Appenders>
<Loggers><Root level="warn"><AppenderRef ref="console"/></Root></Loggers></Configuration>
"""
NEEDS: Final = ("torchserve==0.12.0", "torch-model-archiver==0.12.0", "pyyaml==6.0.3", "orjson==3.13.0")


def launch(place: Place) -> Launch:
    """Pack the handler, write the settings, and return how it starts."""
    names = place.site.workload.models
    archive = _archive(place, CORES if len(names) == 1 else 1)
    http, management, metrics, *grpc = place.ports
    properties = {
        "inference_address": f"http://{HOST}:{http}",
        "management_address": f"http://{HOST}:{management}",
        "metrics_address": f"http://{HOST}:{metrics}",
        "grpc_inference_port": str(grpc[0]),
        "grpc_management_port": str(grpc[1]),
        "job_queue_size": "1024",
        "decode_input_request": "false",
        "async_logging": "true",
    }
    config, log4j = place.folder / "config.properties", place.folder / "log4j2.xml"
    config.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    log4j.write_text(LOG4J)
    command = (
        place.script("torchserve"), "--start", "--foreground", "--ncs", "--disable-token-auth",
        "--model-store", str(archive.parent), "--ts-config", str(config), "--log-config", str(log4j),
        "--models", *(f"{name}={archive.name}" for name in names),
    )  # fmt: skip
    return Launch(command, {"TEMP": str(place.folder), "LOG_LOCATION": str(place.folder)})


def _archive(place: Place, workers: int) -> Path:
    store, config = place.folder / "store", place.folder / "model-config.yaml"
    store.mkdir()
    # YAML has JSON in it.
    settings = {"batchSize": batching.MAX_BATCH, "maxBatchDelay": batching.BATCH_WAIT_MS}
    config.write_bytes(msgspec.json.encode({"minWorkers": workers, "maxWorkers": workers, **settings}))
    command = (
        place.script("torch-model-archiver"), "--model-name", "mlp", "--version", "1.0",
        "--handler", str(PROGRAMS / "serve_torchserve.py"), "--config-file", str(config),
        "--export-path", str(store),
    )  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=PACKS_WITHIN_S)
    return store / "mlp.mar"


PEER: Final = Peer("TorchServe", row("/predictions/{model}"), launch, NEEDS)
