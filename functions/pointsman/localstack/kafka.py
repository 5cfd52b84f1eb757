"""The broker: one node that is its own controller."""

from __future__ import annotations

import base64
import subprocess
import uuid
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pointsman.errors import StackError
from pointsman.heap import FEW_HEAPS
from pointsman.localstack.child import Child, Command
from pointsman.localstack.enginefiles import EngineFiles
from pointsman.localstack.home import Home
from pointsman.localstack.ports import HOST, Reservation
from pointsman.topics import TABLE, TRANSACTION_MS

# Records may be as large as the largest topic allows, and a batch adds its own bytes.
_MAX_BYTES: Final = max(topic.max_bytes for topic in TABLE) + 1024
# As of the engine, see `flink`. What outlives the young part is some 56 MiB.
_JVM: Final = (
    "-Xms192m",
    "-Xmx384m",
    "-Xmn64m",
    "-XX:+AlwaysPreTouch",
    "-XX:+UseG1GC",
    "-XX:GCTimeRatio=1",
    "-XX:InitiatingHeapOccupancyPercent=45",
    "-XX:-G1UseAdaptiveIHOP",
    "-Xshare:auto",
    "-XX:TieredStopAtLevel=1",
)
_LOGGING: Final = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)


class Broker(Child):
    """A Kafka broker whose data outlives it in the home."""

    def __init__(
        self, home: Home, files: EngineFiles, reservation: Reservation, controller: Reservation
    ) -> None:
        super().__init__("kafka", home.logs / "kafka.log", reservation, controller)
        self.address = f"{HOST}:{self.port}"
        self._home = home
        self._files = files
        self._controller = f"{HOST}:{controller.port}"
        self._properties = home.conf / "server.properties"

    def command(self) -> Command:
        """Write the configuration, format the data folder the first time, return the server's command."""
        self._properties.write_text(
            "".join(f"{name}={_escape(value)}\n" for name, value in self._settings().items())
        )
        if not (self._home.kafka_data / "meta.properties").exists():
            self._format()
        return Command(self._java("kafka.Kafka", str(self._properties)), FEW_HEAPS, self._home.path)

    def is_ready(self) -> bool:
        """Whether it answers a metadata request."""
        try:
            admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
            return bool(admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # Joined, for an id may begin with a dash.
        arguments = ("format", f"--cluster-id={cluster}", "-c", str(self._properties), "--ignore-formatted")
        command = self._java("kafka.tools.StorageTool", *arguments, heap="-Xmx64m")
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self._home.path)
        if result.returncode:
            raise StackError(f"the broker's data folder cannot be formatted\n{result.stdout}{result.stderr}")

    def _java(self, main: str, *arguments: str, heap: str = "") -> tuple[str, ...]:
        jvm = (heap, "-XX:TieredStopAtLevel=1") if heap else _JVM
        return ("java", *jvm, *_LOGGING, "-cp", f"{self._files.broker_lib}/*", main, *arguments)

    def _settings(self) -> dict[str, str]:
        controller = self._controller
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self._home.kafka_data),
            # Names are contracts: a typo must fail, not make a topic.
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            # The egress asks for so long; the default of 15 minutes would refuse it.
            "transaction.max.timeout.ms": str(TRANSACTION_MS),
            # An id that expired could not be taken up again: the longest there is, for a stack that was down.
            "transactional.id.expiration.ms": str(2**31 - 1),
            "group.initial.rebalance.delay.ms": "0",
            # After a kill it is let in again only when the session of the one before has run out.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "message.max.bytes": str(_MAX_BYTES),
            "replica.fetch.max.bytes": str(_MAX_BYTES),
            # The segment files' indexes are mapped whole: 10 MB each by default, for some 90 partitions.
            "log.index.size.max.bytes": str(1024**2),
            "log.cleaner.dedupe.buffer.size": str(16 * 1024**2),
            # On a small machine each thread more that a request passes is one more that must be woken.
            "num.network.threads": "1",
            "num.io.threads": "2",
        }


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\")
