"""The topology of this machine, derived from module.yaml, the one source of it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import yaml

from pointsman import outputs
from pointsman.core.ids import MODELS
from pointsman.errors import StackError
from pointsman.localstack.ports import HOST
from pointsman.topics import ROUTES, STATUS, TRANSACTION_MS, Topic

ENDPOINT = "io.statefun.endpoints.v2/http"
INGRESS = "io.statefun.kafka.v1/ingress"
EGRESS = "io.statefun.kafka.v1/egress"
ONCE_EGRESS = "pointsman/transactions"
REQUESTS = "pointsman/requests"
INTERACTIVE = "pointsman/interactive"
CONTROL = "pointsman/control"
SNAPSHOT = "pointsman.v1/Snapshot"
WORD = "pointsman.v1/Word"
OUT = f"pointsman/{outputs.OUT}"
ONCE = f"pointsman/{outputs.ONCE}"
# The ingress adapter's property: TOPIC=FORMAT[:MODEL], comma-separated.
DECLARED = "pointsman.topics"
# The engine takes host and port from `pools_file`; this host exists nowhere, by definition.
_POOLS_URL = "http://pools.invalid/{function.name}"


class Addresses(msgspec.Struct, frozen=True):
    """Where this machine's processes are."""

    kafka: str
    router_port: int
    pools: Path


def extended(
    text: str,
    inputs: tuple[Topic, ...] = (),
    *,
    transactions: bool = False,
    addresses: Addresses | None = None,
) -> str:
    """Return module.yaml with own input topics on the request ingress, and for other addresses.

    With `transactions` it has the second egress, which outputs that are exactly-once need.
    Raises StackError where the text is no module or has no request ingress or egress.
    """
    try:
        documents = [document for document in yaml.safe_load_all(text) if document]
        if addresses is not None:
            for document in documents:
                _localise(document["kind"], document["spec"], addresses)
        _add_inputs(documents, inputs)
        if transactions:
            documents.append(_once(_spec(documents, EGRESS, OUT)))
    except (yaml.YAMLError, KeyError, TypeError, StopIteration) as error:
        raise StackError(f"module.yaml is not a module: {error!r}") from error
    return yaml.safe_dump_all(documents, sort_keys=False)


def snapshots_only(module: str) -> str:
    """Return a module whose job takes in the routers' snapshots, and nothing else.

    It hears the pods' words as well, from which nothing follows before the job begins in earnest.
    """
    documents = [
        document
        for document in yaml.safe_load_all(module)
        if document["spec"].get("id") not in (REQUESTS, INTERACTIVE, ONCE)
    ]
    control = next(document["spec"] for document in documents if document["spec"].get("id") == CONTROL)
    status = next(entry for entry in control["topics"] if entry["topic"] == STATUS)
    routes = {**deepcopy(status), "topic": ROUTES, "valueType": SNAPSHOT}
    control["topics"] = [routes, {**deepcopy(status), "valueType": WORD}]
    return yaml.safe_dump_all(documents, sort_keys=False)


def _localise(kind: str, spec: dict[str, Any], addresses: Addresses) -> None:
    if kind in {INGRESS, EGRESS}:
        spec["address"] = addresses.kafka
    elif kind == ENDPOINT and spec["functions"].startswith(f"{MODELS}/"):
        spec["urlPathTemplate"] = _POOLS_URL
        spec["transport"]["pools_file"] = str(addresses.pools)
    elif kind == ENDPOINT and spec["functions"].startswith("pointsman/"):
        path = spec["urlPathTemplate"].split("/", 3)[3]
        spec["urlPathTemplate"] = f"http://{HOST}:{addresses.router_port}/{path}"


def _add_inputs(documents: list[dict[str, Any]], inputs: tuple[Topic, ...]) -> None:
    spec = _spec(documents, INGRESS, REQUESTS)
    template = spec["topics"][0]
    declared = next(entry for entry in spec["properties"] if DECLARED in entry)
    for topic in inputs:
        # A copy to the bottom: YAML would write what is shared as an alias, which the engine
        # does not resolve.
        spec["topics"].append({**deepcopy(template), "topic": topic.name})
        declared[DECLARED] += f",{topic.name}={topic.format}"


def _once(out: dict[str, Any]) -> dict[str, Any]:
    """Return the second egress: the first one's settings, in transactions."""
    same = {name: deepcopy(out[name]) for name in ("address", "properties")}
    return {"kind": ONCE_EGRESS, "spec": {"id": ONCE, "transactionTimeout": f"{TRANSACTION_MS} ms", **same}}


def _spec(documents: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Return the spec of that kind and id. Raises StopIteration where there is none."""
    found: dict[str, Any] = next(
        document["spec"]
        for document in documents
        if document["kind"] == kind and document["spec"]["id"] == name
    )
    return found
