"""The gRPC server: every door on one port, with health and reflection."""

from __future__ import annotations

from typing import Any, Final

import grpc
import msgspec
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from pointsman.errors import SettingsError
from pointsman.gateway.certificates import Certificates
from pointsman.gateway.desk import Desk
from pointsman.gateway.grpc.control import Control, no_control
from pointsman.gateway.grpc.door import Door
from pointsman.gateway.grpc.handlers import service_handlers
from pointsman.gateway.grpc.oip import OpenInference
from pointsman.gateway.grpc.own import Inference
from pointsman.gateway.grpc.tfs_models import Models
from pointsman.gateway.grpc.tfs_predict import Prediction
from pointsman.gateway.tls import Tls
from pointsman.http.budget import Budget
from pointsman.pb.oip import grpc_service_pb2
from pointsman.pb.tfs import serving_pb2
from pointsman.pb.v1 import gateway_pb2

_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES: Final = {
    grpc_service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]: OpenInference,
    serving_pb2.DESCRIPTOR.services_by_name["PredictionService"]: Prediction,
    serving_pb2.DESCRIPTOR.services_by_name["ModelService"]: Models,
    gateway_pb2.DESCRIPTOR.services_by_name["Inference"]: Inference,
}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the server behaves."""

    max_message_bytes: int = 4 << 20
    """A request that is larger, or unpacks into more, is RESOURCE_EXHAUSTED. Clients limit their answers."""
    max_held_bytes: int | None = None
    """Of requests over 64 KiB, until they are answered; more are UNAVAILABLE. None: no bound."""
    max_calls: int = 4_096
    """Calls at once, a stream being one; more are RESOURCE_EXHAUSTED."""
    max_streams: int = 1_024
    """Calls at once on one connection; a client waits with more."""
    window: int = 64
    """Requests of one stream that are under way at once."""
    compress: bool = False
    """Whether answers are compressed with gzip. A call may say otherwise in `x-pointsman-compression`."""
    share_port: bool = False
    """Whether other processes may listen on the same port, each getting a part of the connections."""


DEFAULTS: Final = Options()


class Server:
    """A server that runs until `stop`."""

    def __init__(self, server: Any, servicer: Any, door: Door, port: int) -> None:
        self._server = server
        self._health = servicer
        self._door = door
        self.port = port

    async def set_ready(self, is_ready: bool) -> None:
        """Say to those who ask for health or readiness whether requests are welcome."""
        self._door.is_ready = is_ready
        for name in _health_names():
            await self._health.set(name, _SERVING if is_ready else _NOT_SERVING)

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, wait so long for those under way, then cancel them. It is not ready any more."""
        self._door.is_ready = False
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)


async def grpc_server(
    desk: Desk,
    address: str,
    *,
    options: Options = DEFAULTS,
    control: Control = no_control,
    tls: Certificates | None = None,
) -> Server:
    """Start serving at `address` (`host:port`, port 0 for a free one), ready. Raises SettingsError."""
    budget = Budget(options.max_held_bytes)
    door = Door(desk=desk, control=control, window=options.window, budget=budget)
    server = _server(options)
    for descriptor, servicer in SERVICES.items():
        server.add_generic_rpc_handlers((service_handlers(descriptor, servicer(door), door.guard),))
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    names = (*_health_names()[1:], health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    try:
        port = _add_port(server, address, tls)
    except RuntimeError as error:
        raise SettingsError(f"cannot listen on {address}") from error
    await server.start()
    running = Server(server, servicer, door, port)
    await running.set_ready(True)
    return running


def _server(options: Options) -> Any:
    return grpc.aio.server(
        compression=grpc.Compression.Gzip if options.compress else None,
        maximum_concurrent_rpcs=options.max_calls,
        options=(
            ("grpc.max_receive_message_length", options.max_message_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", int(options.share_port)),
            ("grpc.max_concurrent_streams", options.max_streams),
            ("grpc.max_connection_idle_ms", 600_000),
            # A client whose stream is silent may look whether we are still there; gRPC's own limit, five
            # minutes, would cost it the connection.
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ),
    )


def _add_port(server: Any, address: str, tls: Certificates | None) -> int:
    if tls is None:
        return int(server.add_insecure_port(address))
    return int(server.add_secure_port(address, _credentials(tls)))


def _credentials(certificates: Certificates) -> Any:
    given = first = certificates.newest()

    def renewed() -> Any:
        """Return the certificate of new connections where it is another; asked at each handshake."""
        nonlocal given
        newest = certificates.newest()
        if newest is given:
            return None
        given = newest
        return _configuration(newest)

    return grpc.dynamic_ssl_server_credentials(_configuration(first), renewed, first.client_ca is not None)


def _configuration(tls: Tls) -> Any:
    return grpc.ssl_server_certificate_configuration(((tls.key, tls.chain),), tls.client_ca)


def _health_names() -> tuple[str, ...]:
    """Return the names that health is asked of: the whole server's, which is empty, and the services'."""
    return ("", *(descriptor.full_name for descriptor in SERVICES))
