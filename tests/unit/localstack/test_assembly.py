"""What the children of a stack are told: ports of the run before, and settings that hold in any folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pointsman import settings as settings_room
from pointsman.cli.stack import _settings
from pointsman.localstack import record
from pointsman.localstack.assembly import _Ports
from pointsman.localstack.functions import GatewayServer
from pointsman.localstack.home import Home
from pointsman.localstack.ports import HOST, Reservation, reserve
from pointsman.localstack.record import ChildRecord, StackRecord
from pointsman.settings import FILES, Settings, load


def released() -> Reservation:
    reservation = reserve()
    reservation.release()
    return reservation


def reserved(ports: _Ports, name: str) -> int:
    reservation = ports.reserve(name)
    reservation.release()
    return reservation.port


def test_a_restarted_stack_keeps_all_its_ports(tmp_path: Path) -> None:
    gateway, grpc = released().port, released().port
    children = {"gateway": ChildRecord(1, 2, gateway, "ready")}
    last = StackRecord(1, 1, "k:1", "r", "", grpc=f"{HOST}:{grpc}", children=children)
    record.save(Home(tmp_path), last)
    ports = _Ports(Home(tmp_path), usual=False)
    assert [reserved(ports, name) for name in ("gateway", "grpc")] == [gateway, grpc]


def test_a_stack_without_a_gateway_leaves_no_port_of_one(tmp_path: Path) -> None:
    record.save(Home(tmp_path), StackRecord(1, 1, "k:1", "r", ""))
    assert reserved(_Ports(Home(tmp_path), usual=False), "grpc") > 0


def test_files_and_settings_that_were_named_from_here_are_found_from_the_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in tuple(os.environ):
        if name.startswith("POINTSMAN_"):
            monkeypatch.delenv(name)
    (tmp_path / "logs").mkdir()
    (tmp_path / "settings.toml").write_text("".join(f'{name} = "conf/{name}"\n' for name in FILES))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POINTSMAN_SETTINGS", "settings.toml")
    settings = _settings(None, None, None, None)
    child = GatewayServer(settings, tmp_path / "logs" / "gateway.log", released(), released())
    command = child.command()
    monkeypatch.chdir(command.folder)
    told = load({**os.environ, **command.environment})
    assert [getattr(told, name) for name in FILES] == [str(tmp_path / "conf" / name) for name in FILES]


def test_a_file_that_is_not_named_stays_unnamed() -> None:
    assert settings_room.absolute(Settings()) == Settings()
