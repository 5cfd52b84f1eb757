"""The processes that hold functions, the router and the pods, and the gateway before them."""

from __future__ import annotations

import http.client
import sys
from pathlib import Path
from typing import Final

import msgspec

from pointsman import settings as settings_module
from pointsman.localstack import rest
from pointsman.localstack.child import Child, Command
from pointsman.localstack.ports import HOST, Reservation
from pointsman.settings import Settings

ROUTER: Final = (
    sys.executable,
    "-m",
    "pointsman.pod.supervisor",
    "pointsman.statefun.router_app:router_app",
)
GATEWAY: Final = (
    sys.executable,
    "-m",
    "pointsman.pod.supervisor",
    "pointsman.gateway.gateway:gateway_app",
)
POD: Final = (sys.executable, "-m", "pointsman.pod")
HEALTH: Final = "/health/ready"


class FunctionServer(Child):
    """A router, a pod or a gateway: any command that serves HTTP, its settings in the environment."""

    stops_within_s = 15.0

    def __init__(
        self,
        name: str,
        command: tuple[str, ...],
        settings: Settings,
        log: Path,
        reservation: Reservation,
        *others: Reservation,
    ) -> None:
        super().__init__(name, log, reservation, *others)
        self.address = f"{HOST}:{self.port}"
        self._command = command
        self._settings = msgspec.structs.replace(settings, host=HOST, port=self.port)

    def command(self) -> Command:
        """Return the command with the settings as environment."""
        return Command(self._command, settings_module.environment(self._settings), self.log.parent)

    def is_ready(self) -> bool:
        """Whether its health endpoint says 200."""
        return rest.get(self.port, HEALTH)[0] == http.client.OK


class GatewayServer(FunctionServer):
    """A gateway: alone of them it speaks TLS, where the settings name a certificate."""

    def __init__(self, settings: Settings, log: Path, reservation: Reservation, grpc: Reservation) -> None:
        super().__init__("gateway", GATEWAY, settings, log, reservation, grpc)

    @property
    def url(self) -> str:
        """Where its HTTP doors are."""
        return f"{'https' if self._settings.tls_cert else 'http'}://{self.address}"

    def is_ready(self) -> bool:
        """Whether its health endpoint says 200; of one that wants certificates, whether it listens."""
        if self._settings.tls_client_ca:
            return rest.listens(self.port)
        return rest.get(self.port, HEALTH, tls=bool(self._settings.tls_cert))[0] == http.client.OK
