"""Runs the plain program of `echo.py` in an engine of its own, with the settings of the product's engine."""

from __future__ import annotations

import http.client
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import yaml
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.stream import echo
from benchmarks.stream.generator import Traffic
from pointsman.localstack import rest
from pointsman.localstack.child import Child, Command
from pointsman.localstack.enginefiles import EngineFiles
from pointsman.localstack.flink import Engine
from pointsman.localstack.home import Home
from pointsman.localstack.module import EGRESS, ENDPOINT, INGRESS
from pointsman.localstack.ports import HOST, Reservation, reserve

CHECKOUT: Final = Path(__file__).parents[2]
TRAFFIC: Final = Traffic(echo.IN_TOPIC, echo.OUT_TOPIC)
# As many as the product's topics of requests and responses have.
PARTITIONS: Final = {echo.IN_TOPIC: 4, echo.OUT_TOPIC: 64}
# The ingress of the plain program has no adapter.
ADAPTER_PROPERTIES: Final = ("interceptor.classes", "pointsman.topics")


class EchoServer(Child):
    """The plain program's function server."""

    def __init__(self, home: Home, reservation: Reservation) -> None:
        super().__init__("echo", home.logs / "echo.log", reservation)

    def command(self) -> Command:
        """Return the program's command."""
        paths = {"PYTHONPATH": str(CHECKOUT)}
        return Command((sys.executable, "-m", "benchmarks.stream.echo", str(self.port)), paths, CHECKOUT)

    def is_ready(self) -> bool:
        """Whether it answers."""
        return rest.get(self.port, "/")[0] == http.client.OK


@asynccontextmanager
async def running(folder: Path, files: EngineFiles, kafka: str) -> AsyncIterator[dict[str, Child]]:
    """Start engine and function server on the broker at `kafka`; yield them by name; stop them."""
    home = Home(folder)
    home.create()
    create_topics(kafka, PARTITIONS)
    server = EchoServer(home, reserve())
    engine = Engine(home, files, reserve(), module(files.module.read_text(), kafka, server.port))
    try:
        await server.start()
        await engine.start()
        yield {"engine": engine, "functions": server}
    finally:
        for child in (engine, server):
            await child.stop()


def create_topics(kafka: str, partitions: dict[str, int]) -> None:
    """Create topics that are not there yet."""
    admin = AdminClient({"bootstrap.servers": kafka})
    present = admin.list_topics(timeout=10).topics
    missing = [NewTopic(name, count, 1) for name, count in partitions.items() if name not in present]
    for created in admin.create_topics(missing).values() if missing else ():
        created.result()


def module(text: str, kafka: str, port: int) -> str:
    """Return the plain program's module: the product's own, less adapter and transport."""
    theirs: dict[str, dict[str, Any]] = {}
    for document in yaml.safe_load_all(text):
        theirs.setdefault(document["kind"], document["spec"])
    endpoint, ingress, egress = theirs[ENDPOINT], theirs[INGRESS], theirs[EGRESS]
    transport = {"type": "io.statefun.transports.v1/async"}
    transport |= {name: endpoint["transport"][name] for name in ("call", "connect", "payload_max_bytes")}
    endpoint |= {"functions": "echo/*", "urlPathTemplate": f"http://{HOST}:{port}/", "transport": transport}
    topic = {"topic": echo.IN_TOPIC, "valueType": "echo/record", "targets": [echo.FIRST]}
    kept = [entry for entry in ingress["properties"] if not set(entry) & set(ADAPTER_PROPERTIES)]
    ingress |= {
        "id": "echo/in",
        "address": kafka,
        "consumerGroupId": "echo",
        "topics": [topic],
        "properties": kept,
    }
    egress |= {"id": echo.EGRESS, "address": kafka}
    documents = [{"kind": kind, "spec": theirs[kind]} for kind in (ENDPOINT, INGRESS, EGRESS)]
    return yaml.safe_dump_all(documents, sort_keys=False)
