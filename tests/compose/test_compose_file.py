from __future__ import annotations

import re

import pytest
import yaml

from pointsman.localstack.functions import GATEWAY, POD, ROUTER
from pointsman.settings import Settings
from tests.compose import dockerfile
from tests.compose.composition import ROOT, read

SETTINGS = {f"POINTSMAN_{name.upper()}" for name in Settings.__struct_fields__}
COMPOSITION = read({})
SERVICES = COMPOSITION.services
DOCKERFILES = sorted({service.build.dockerfile for service in SERVICES.values() if service.build})
NAMED = re.compile(r"[a-z]\w*")


@pytest.fixture(name="module")
def _module() -> list[dict[str, dict[str, str]]]:
    return list(yaml.safe_load_all((ROOT / "module.yaml").read_text()))


def _hosts(text: str) -> set[str]:
    """Return what stands before a port."""
    return set(re.findall(r"([\w{}.-]+):\d{2,5}\b", text))


def test_every_image_is_pinned_or_built_here() -> None:
    for name, service in SERVICES.items():
        tag = service.image.partition(":")[2]
        assert service.build or (tag and tag != "latest"), name


@pytest.mark.parametrize("path", DOCKERFILES)
def test_every_copied_file_exists(path: str) -> None:
    copies = dockerfile.all_copies(ROOT / path)
    sources = [source for copy in copies if not copy.stage for source in copy.sources]
    assert sources
    assert [source for source in sources if not list(ROOT.glob(source.rstrip("/")))] == []


def test_the_function_image_runs_as_nobody_special() -> None:
    assert dockerfile.read(ROOT / "functions/Dockerfile").user == "pointsman"


@pytest.mark.parametrize("name", SERVICES)
def test_every_setting_it_gives_is_one_that_is_read(name: str) -> None:
    given = {variable for variable in SERVICES[name].environment if variable.startswith("POINTSMAN_")}
    assert given <= SETTINGS


@pytest.mark.parametrize("path", DOCKERFILES)
def test_every_setting_an_image_gives_is_one_that_is_read(path: str) -> None:
    given = set(dockerfile.read(ROOT / path).environment)
    assert {variable for variable in given if variable.startswith("POINTSMAN_")} <= SETTINGS


def test_every_host_in_the_module_is_a_service(module: list[dict[str, dict[str, str]]]) -> None:
    addresses = [
        spec.get("address") or spec["urlPathTemplate"].removeprefix("http://")
        for spec in (document["spec"] for document in module)
    ]
    hosts = {host for address in addresses for host in _hosts(address)}
    pools = {service.environment.get("POINTSMAN_POOL") for service in SERVICES.values()} - {None}
    assert pools == {"default"}
    assert hosts - {"{function.name}"} <= set(SERVICES)
    assert pools <= set(SERVICES), "a pool is reached by its name"


def test_every_host_in_the_settings_is_a_service() -> None:
    settings = " ".join(
        value
        for service in SERVICES.values()
        for name, value in service.environment.items()
        if name in ("POINTSMAN_KAFKA", "POINTSMAN_REDIS", "MASTER_HOST")
    )
    assert _hosts(settings.replace("redis://", "")) <= set(SERVICES)


def test_every_service_says_whether_it_is_healthy_or_ends() -> None:
    silent = [
        name for name, service in SERVICES.items() if not service.healthcheck and service.restart != "no"
    ]
    assert silent == []


def test_what_waits_for_health_waits_for_a_service_that_tells_it() -> None:
    for name, service in SERVICES.items():
        for other, condition in service.depends_on.items():
            healthy = condition.condition != "service_healthy" or SERVICES[other].healthcheck
            assert healthy, f"{name} waits for {other}"


def test_master_and_worker_share_the_checkpoints() -> None:
    conf = yaml.safe_load((ROOT / "engine/conf/flink-conf.yaml").read_text())
    folder = conf["state.checkpoints.dir"].removeprefix("file://")
    sources = {SERVICES[name].mounts().get(folder) for name in ("master", "worker")}
    assert sources == {"checkpoints"}


def test_router_and_pods_see_the_models_and_cannot_change_them() -> None:
    for name in ("router", "default"):
        assert [volume for volume in SERVICES[name].volumes if volume.endswith(":/models:ro")], name


def test_every_named_volume_is_declared() -> None:
    used = {source for service in SERVICES.values() for source in service.mounts().values()}
    assert {source for source in used if NAMED.fullmatch(source)} == set(COMPOSITION.volumes)


def test_function_servers_are_started_as_on_a_single_machine() -> None:
    for name, local in (("router", ROUTER), ("default", POD), ("gateway", GATEWAY)):
        assert SERVICES[name].command == ["python", *local[1:]]


def test_nothing_listens_beyond_this_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.ports]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
