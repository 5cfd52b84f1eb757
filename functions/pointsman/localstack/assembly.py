"""The children of a stack and the addresses they know of each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from pointsman.core.ids import GRAMMAR, is_name
from pointsman.errors import SettingsError
from pointsman.localstack import enginefiles, record, redis, topics
from pointsman.localstack.child import Child
from pointsman.localstack.enginefiles import EngineFiles
from pointsman.localstack.flink import Engine
from pointsman.localstack.functions import POD, ROUTER, FunctionServer, GatewayServer
from pointsman.localstack.home import Home
from pointsman.localstack.kafka import Broker
from pointsman.localstack.module import Addresses, extended
from pointsman.localstack.pools import Pools
from pointsman.localstack.ports import HOST, Reservation, reserve
from pointsman.localstack.record import StackRecord
from pointsman.localstack.redis import Redis
from pointsman.outputs import has_transactions
from pointsman.settings import MOST_WORKERS, Settings
from pointsman.topics import INTERACTIVE, REQUESTS, REQUESTS_JSON

USUAL: Final = {
    "kafka": 9092,
    "engine": 8081,
    "redis": 6379,
    "router": 8000,
    "pod-default": 8010,
    "gateway": 8080,
    "grpc": 8001,
}


class Plan(msgspec.Struct, frozen=True):
    """What a stack consists of. `pods` are the pools to serve, as POOL or POOL:WORKERS.

    `gateways` are the processes that serve HTTP and gRPC, on one port each for all of them; 0: none.

    `usual_ports` asks for Kafka on 9092 and so on where they are free; otherwise any free port is taken.
    """

    parallelism: int = 1
    pods: tuple[str, ...] = ("default",)
    gateways: int = 0
    settings: Settings = Settings()
    usual_ports: bool = False
    router_command: tuple[str, ...] = ROUTER
    pod_command: tuple[str, ...] = POD


class Assembly:
    """The children, made but not started."""

    def __init__(self, home: Home, plan: Plan, files: EngineFiles) -> None:
        self._chooser = _Ports(home, plan.usual_ports)
        self.broker = Broker(home, files, self._reserve("kafka"), reserve())
        self.redis = Redis(home.logs / "redis.log", self._reserve("redis")) if redis.is_installed() else None
        self.settings = msgspec.structs.replace(
            plan.settings, kafka=self.broker.address, redis=self.redis.url if self.redis else ""
        )
        self.router = self._server("router", plan.router_command, home.logs, self.settings)
        self.pods = {
            pool: self._pod(pool, workers, plan.pod_command, home)
            for pool, workers in pools_of(plan.pods).items()
        }
        grpc = self._reserve("grpc") if plan.gateways else None
        self.grpc = f"{HOST}:{grpc.port}" if grpc else ""
        self.gateway = self._gateway(plan.gateways, home, grpc) if grpc else None
        self.pools = Pools(home.pools)
        own = tuple(topics.input_topic(text) for text in plan.settings.inputs)
        self.transactions = has_transactions(plan.settings.outputs) or had_transactions(home)
        module = extended(
            files.module.read_text(),
            own,
            transactions=self.transactions,
            addresses=Addresses(self.broker.address, self.router.port, home.pools),
        )
        inputs = (REQUESTS, REQUESTS_JSON, INTERACTIVE, *(topic.name for topic in own))
        self.engine = Engine(
            home, files, self._reserve("engine"), module, plan.parallelism, self.broker.address, inputs
        )

    @property
    def children(self) -> Sequence[Child]:
        """All children, in the order in which they are stopped: who sends before who receives."""
        redis_or_none = (self.redis,) if self.redis else ()
        gateway_or_none = (self.gateway,) if self.gateway else ()
        return (*gateway_or_none, self.engine, *self.pods.values(), self.router, *redis_or_none, self.broker)

    def enter_pools(self) -> None:
        """Tell the engine where the pods of this stack are; dead ones of an earlier run are forgotten."""
        self.pools.enter({pool: pod.address for pool, pod in self.pods.items()})

    def _reserve(self, name: str) -> Reservation:
        return self._chooser.reserve(name)

    def _pod(self, pool: str, workers: int, command: tuple[str, ...], home: Home) -> FunctionServer:
        journal = str(home.journals / pool)
        settings = msgspec.structs.replace(self.settings, pool=pool, workers=workers, journal=journal)
        return self._server(f"pod-{pool}", command, home.logs, settings)

    def _gateway(self, workers: int, home: Home, grpc: Reservation) -> GatewayServer:
        store = self.settings.upload_store or str(home.store)
        settings = msgspec.structs.replace(
            self.settings, workers=workers, grpc_port=grpc.port, upload_store=store
        )
        return GatewayServer(settings, home.logs / "gateway.log", self._reserve("gateway"), grpc)

    def _server(self, name: str, command: tuple[str, ...], logs: Path, settings: Settings) -> FunctionServer:
        return FunctionServer(name, command, settings, logs / f"{name}.log", self._reserve(name))


class _Ports:
    """Ports of the last run first, so that a restarted stack keeps its addresses, then the usual ones."""

    def __init__(self, home: Home, usual: bool) -> None:
        last = record.load(home)
        self._last = _ports_of(last) if last else {}
        self._usual = USUAL if usual else {}

    def reserve(self, name: str) -> Reservation:
        return reserve([self._last.get(name, 0), self._usual.get(name, 0)])


def _ports_of(last: StackRecord) -> dict[str, int]:
    ports = {name: child.port for name, child in last.children.items()}
    grpc = last.grpc.rpartition(":")[2]  # no child of its own
    return {**ports, "grpc": int(grpc)} if grpc.isdecimal() else ports


def had_transactions(home: Home) -> bool:
    """Whether an earlier run's checkpoint may hold answers for the egress that writes in transactions.

    A job without that egress could not be resumed from it.
    """
    last = record.load(home)
    return last is not None and last.transactions


def pools_of(texts: Sequence[str]) -> dict[str, int]:
    """Return the workers of each pool, written POOL or POOL:WORKERS. Raises SettingsError."""
    pools = dict(map(_pool_of, texts))
    if len(pools) < len(texts):
        raise SettingsError(f"pods: {','.join(texts)} names a pool twice; POOL:N serves it with N pods")
    return pools


def _pool_of(text: str) -> tuple[str, int]:
    pool, _, workers = text.partition(":")
    if not is_name(pool):
        raise SettingsError(f"pods: {pool!r} is no pool name; it must match {GRAMMAR}")
    is_number = workers.isascii() and workers.isdigit() and len(workers) <= len(str(MOST_WORKERS))
    if text != pool and not (is_number and 0 < int(workers) <= MOST_WORKERS):
        raise SettingsError(f"pods: {text!r}: the number of workers is 1 to {MOST_WORKERS}, as in {pool}:2")
    return pool, int(workers or 1)


def assemble(home: Home, plan: Plan) -> Assembly:
    """Return the children of a plan. Raises StackError or SettingsError before anything is started."""
    topics.wanted(plan.settings)
    pools_of(plan.pods)
    return Assembly(home, plan, enginefiles.ensure())
