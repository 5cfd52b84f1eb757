"""The manifests are what Kubernetes' API takes, and agree with the rest of the repository."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from pointsman.localstack.functions import GATEWAY, POD, ROUTER
from pointsman.settings import Settings
from scripts.environments import python_with
from tests.compose.composition import ROOT, read

FOLDER = ROOT / "deploy" / "kubernetes"
SETTINGS = {f"POINTSMAN_{name.upper()}" for name in Settings.__struct_fields__}
PORTS = ("POINTSMAN_PORT", "POINTSMAN_GRPC_PORT")
COMPOSED = {"router": "router", "default": "default", "gateway": "gateway", "topics": "init"}
# Judges objects by the schema of the API, where no field may be unknown.
JUDGE = """
import json, sys
import kubernetes_validate
for thing in json.load(sys.stdin):
    kubernetes_validate.validate(thing, "1.31", strict=True)
    print(thing["kind"])
"""


def objects(folder: Path) -> list[dict[str, Any]]:
    """Return what a kustomization applies: what its files hold."""
    names = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [thing for name in names for thing in yaml.safe_load_all((folder / name).read_text())]


SYSTEM = objects(FOLDER)
SECOND, AUTOSCALING = objects(FOLDER / "second-pool"), objects(FOLDER / "autoscaling")
EVERYTHING = [*SYSTEM, *SECOND, *AUTOSCALING]


def of_kind(things: list[dict[str, Any]], *kinds: str) -> dict[str, dict[str, Any]]:
    """Return the objects of some kinds, by name."""
    return {thing["metadata"]["name"]: thing for thing in things if thing["kind"] in kinds}


RUNNING = of_kind([*SYSTEM, *SECOND], "Deployment", "Job")
SERVICES = of_kind([*SYSTEM, *SECOND], "Service")


def pod(name: str) -> dict[str, Any]:
    """Return the template of a pod."""
    found: dict[str, Any] = RUNNING[name]["spec"]["template"]["spec"]
    return found


def container(name: str) -> dict[str, Any]:
    """Return the only container of a pod."""
    [only] = pod(name)["containers"]
    found: dict[str, Any] = only
    return found


def given(name: str) -> dict[str, str]:
    """Return the variables that a container is given by itself."""
    return {one["name"]: one["value"] for one in container(name).get("env", [])}


def test_every_object_is_one_that_the_api_takes() -> None:
    judge = [str(python_with("kubernetes-validate==1.37.0")), "-W", "ignore", "-c", JUDGE]
    done = subprocess.run(
        judge, input=json.dumps(EVERYTHING), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    assert len(done.stdout.splitlines()) == len(EVERYTHING) > 20
    wrong = json.dumps([{**EVERYTHING[-1], "speck": {}}])
    assert subprocess.run(judge, input=wrong, capture_output=True, text=True, check=False).returncode != 0


def test_every_file_is_applied_by_a_kustomization() -> None:
    for folder in (FOLDER, FOLDER / "second-pool", FOLDER / "autoscaling"):
        applied = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
        assert {path.name for path in folder.glob("*.yaml")} == {*applied, "kustomization.yaml"}


def test_every_setting_that_is_given_is_one_that_is_read() -> None:
    named = {name for one in RUNNING for name in given(one)}
    named |= set(of_kind(SYSTEM, "ConfigMap")["pointsman-settings"]["data"])
    assert {name for name in named if name.startswith("POINTSMAN_")} <= SETTINGS


def test_every_host_that_the_engine_calls_is_a_service_at_its_port() -> None:
    for document in yaml.safe_load_all((ROOT / "module.yaml").read_text()):
        url = document["spec"].get("urlPathTemplate", "")
        for host, port in re.findall(r"http://([^:/]+):(\d+)/", url):
            for name in ("default", "fraud") if host == "{function.name}" else (host,):
                [only] = SERVICES[name]["spec"]["ports"]
                assert (only["port"], only["targetPort"]) == (int(port), "http")
    kafka = of_kind(SYSTEM, "ConfigMap")["pointsman-settings"]["data"]["POINTSMAN_KAFKA"]
    assert f"address: {kafka}\n" in (ROOT / "module.yaml").read_text()


def test_every_service_finds_pods_that_listen_at_its_ports() -> None:
    for name, service in SERVICES.items():
        labels = RUNNING[name]["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        listened = {one["name"]: one["containerPort"] for one in container(name)["ports"]}
        assert {one["targetPort"]: one["port"] for one in service["spec"]["ports"]} == listened
        said = container(name).get("env", [])
        ports = {
            int(one["value"]) for one in said if one["name"] in ("POINTSMAN_PORT", "POINTSMAN_GRPC_PORT")
        }
        assert ports <= set(listened.values())


def test_they_run_what_the_compose_file_runs() -> None:
    services = read({}).services
    for ours, theirs in (
        ("router", "router"),
        ("default", "default"),
        ("gateway", "gateway"),
        ("topics", "init"),
    ):
        assert container(ours)["image"] == services[theirs].image
        assert container(ours)["command"] == services[theirs].command
    for ours, command in (("router", ROUTER), ("default", POD), ("fraud", POD), ("gateway", GATEWAY)):
        assert container(ours)["command"][1:] == list(command)[-len(container(ours)["command"][1:]) :]
    for ours in ("master", "worker"):
        assert container(ours)["image"] == services[ours].image
        assert given(ours)["ROLE"] == services[ours].environment["ROLE"]
    assert container("redis")["command"] == services["redis"].command
    assert given("default")["POINTSMAN_POOL"] == "default"
    assert given("fraud")["POINTSMAN_POOL"] == "fraud"


def test_nothing_runs_as_root_or_without_bounds_and_only_the_engine_writes_to_its_root() -> None:
    for name in RUNNING:
        security, own = pod(name)["securityContext"], container(name)["securityContext"]
        assert security["runAsNonRoot"]
        assert security["runAsUser"] > 0
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert not own["allowPrivilegeEscalation"]
        assert own.get("readOnlyRootFilesystem", False) is (name not in ("master", "worker"))
        assert {"requests", "limits"} <= container(name)["resources"].keys()


def test_what_can_be_replaced_one_by_one_has_probes_and_a_budget() -> None:
    budgets = of_kind([*SYSTEM, *SECOND], "PodDisruptionBudget")
    for name in ("router", "default", "fraud", "gateway"):
        assert RUNNING[name]["spec"]["replicas"] > 1
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container(name).keys()
        found = budgets[name]["spec"]["selector"]["matchLabels"]
        assert found == RUNNING[name]["spec"]["selector"]["matchLabels"]


def test_a_pods_disk_holds_what_its_cache_may_have() -> None:
    for name in ("default", "fraud"):
        assert given(name)["POINTSMAN_ARTIFACT_CACHE"] == "/cache"
        [volume] = [one for one in pod(name)["volumes"] if one["name"] == "cache"]
        assert volume["emptyDir"]["sizeLimit"] == "10Gi"
        most, largest = (int(given(name)[f"POINTSMAN_ARTIFACT_{what}"]) for what in ("CACHE_BYTES", "BYTES"))
        assert largest <= most < 10 << 30


def test_the_autoscaler_scales_what_there_is() -> None:
    [scaler] = AUTOSCALING
    target = scaler["spec"]["scaleTargetRef"]["name"]
    assert scaler["spec"]["minReplicas"] == RUNNING[target]["spec"]["replicas"]
