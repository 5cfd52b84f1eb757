"""Settings: read once, typed, frozen. Command line over environment over file over default.

The environment name of a field is `POINTSMAN_` and the field in capitals; lists are comma-separated.
The file is TOML, named by `POINTSMAN_SETTINGS`, with the same field names.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from pointsman.errors import SettingsError

MOST_WORKERS: Final = 256
# Settings that are paths, relative to where the process runs.
FILES: Final = ("artifact_cache", "keys", "tls_cert", "tls_key", "tls_client_ca")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a process of pointsman must know."""

    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers, host:port, comma-separated."""

    redis: str = ""
    """Redis URL for claim-checks; empty: tensors by reference are refused."""

    host: str = "127.0.0.1"
    """Address to listen on. A function server has no authentication: keep it inside the cluster."""

    port: int = 8000
    """Port to listen on."""

    workers: int = 1
    """Processes of a router or pod that share its port. Each worker of a pod holds weights of its own."""

    pool: str = "default"
    """The pool a pod serves."""

    secret: str = "pointsman"
    """Key of the MAC in decision ids. Set your own wherever rewards can come from strangers."""

    outputs: tuple[str, ...] = ()
    """Topics that a route may name as its `output`, TOPIC[:MODE], MODE at-least-once or exactly-once."""

    inputs: tuple[str, ...] = ()
    """Own request topics of the local stack: TOPIC=FORMAT[:MODEL], FORMAT is json or protobuf."""

    deduplicate: tuple[str, ...] = ()
    """Request topics in which a second record with the id of an earlier one is dropped."""

    window_ms: int = 600_000
    """How far apart two records with one id may be written so that the second counts as a repeat."""

    window_ids: int = 16_384
    """How many ids of a model are remembered to tell repeats; 32 bytes of the job's state each."""

    trusted_stores: tuple[str, ...] = ()
    """URI prefixes from which archives that carry code (TorchScript, torch.export) may be loaded."""

    trusted_types: tuple[str, ...] = ()
    """Types, `package.module.Type`, that scikit-learn's models may hold beside those that skops trusts."""

    stores: tuple[str, ...] = ("file:///", "blob:")
    """URI prefixes from which pods fetch artifacts; `blob:` is what `redis` keeps. `https://user:password@…`
    gives what the host asks for."""

    artifact_cache: str = ""
    """Folder of a pod's fetched artifacts, for all its workers; empty: `~/.cache/pointsman/artifacts`."""

    artifact_cache_bytes: int = 20 * 1024**3
    """Bytes of that folder; what was used least recently goes first."""

    artifact_bytes: int = 10 * 1024**3
    """An artifact that is fetched may be so large."""

    fetch_timeout_ms: int = 1_800_000
    """Time to fetch an artifact; a store that is away is asked again until then."""

    remotes: tuple[str, ...] = ()
    """URI prefixes, http://HOST:PORT[/PATH] or grpc://HOST:PORT, of the servers that versions may ask.
    `NAME_API_KEY@PREFIX` lets those below it have the key in that environment variable."""

    remote_bytes: int = 64 * 1024**2
    """An answer of a remote may be so large."""

    check_artifacts: bool = True
    """Refuse an apply whose file:// artifact the router cannot see. Off where it shares no disk with pods."""

    cache_bytes: int = 2 * 1024**3
    """Bytes of weights a pod keeps; the least recently used version goes first."""

    compute_timeout_ms: int = 20_000
    """A forward pass may take so long; its process is replaced, and the request to blame is answered."""

    journal: str = ""
    """A pod's own folder for what its workers are at; it should outlive the pod. Empty: a temporary one."""

    load_wait_ms: int = 10_000
    """How long a call waits for a version that its pod is still loading, before it fails UNAVAILABLE."""

    heavy_loads: int = 0
    """How many artifacts over 64 MiB a machine loads at once, each 10 s ahead at most; 0: half the cores."""

    threads: int = 1
    """Threads of one forward pass."""

    heartbeat_ms: int = 2_000
    """How often a pod repeats its status."""

    silence_ms: int = 10_000
    """A pod silent for longer holds nothing."""

    waiting_bytes: int = 4 * 1024**2
    """Bytes of requests per model that wait in the router's delayed messages for a ready version."""

    kept_bytes: int = 128 * 1024**2
    """Bytes of tensors by reference that Redis keeps as long as dead letters refer to them, in all."""

    grpc_port: int = 0
    """Port of the gateway's gRPC services; 0: none."""

    gateway_timeout_ms: int = 30_000
    """A gateway answers within this time; a request may ask for less."""

    gateway_inflight: int = 4_096
    """Requests without an answer that a gateway process has at most; more are refused at once."""

    body_bytes: int = 64 * 1024**2
    """A body or message sent to the gateway may be so large, unpacked."""

    bodies_bytes: int = 512 * 1024**2
    """Bytes of HTTP bodies over 64 KiB that a gateway process holds at a time; more get 503."""

    json_bytes: int = 4 * 1024**2
    """The JSON of a request to the gateway may be so long; binary tensors behind it do not count."""

    upload_store: str = ""
    """Where the gateway puts uploads: a folder that pods see, by its full path, `inline`, `redis`, or a URI
    as of `publish --store`. Empty: they are refused; `pointsman up` has the stack's own folder."""

    answer_cache: tuple[str, ...] = ()
    """Models whose answers a gateway keeps for equal inputs, as MODEL=TIME: digits=60s."""

    answer_cache_bytes: int = 64 * 1024**2
    """Bytes of answers that a gateway process keeps; what was asked for least recently goes first."""

    keys: str = ""
    """File of the gateway's API keys, as `pointsman keys` writes it. Empty: nobody needs a key."""

    open_access: bool = False
    """Let anybody who reaches the gateway ask its models, though it has no keys and is not on loopback."""

    tls_cert: str = ""
    """PEM file of the gateway's certificate and those between it and its root. Empty: no TLS."""

    tls_key: str = ""
    """PEM file of the certificate's private key, without a passphrase."""

    tls_client_ca: str = ""
    """PEM file of the roots that clients' certificates must come from. Empty: clients need none."""

    log_level: str = "INFO"
    """Python logging level."""


def load(environ: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Return the settings from file, environment and `overrides` (those that are not None).

    Raises SettingsError naming the field and what it should be.
    """
    env = os.environ if environ is None else environ
    values = _file(env.get("POINTSMAN_SETTINGS", ""))
    values.update(_environment(env))
    values.update({name: value for name, value in overrides.items() if value is not None})
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"settings: {error}") from error


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables that make `load` give these settings in a child process.

    No file has a say there: its path may lead nowhere from the child's folder, and all fields are here.
    """
    pairs = {"POINTSMAN_SETTINGS": ""}
    for name in Settings.__struct_fields__:
        value = getattr(settings, name)
        pairs[f"POINTSMAN_{name.upper()}"] = ",".join(value) if isinstance(value, tuple) else str(value)
    return pairs


def absolute(settings: Settings) -> Settings:
    """Return the settings with the gateway's files named from the root, for processes in other folders."""
    paths = {name: getattr(settings, name) for name in FILES}
    return msgspec.structs.replace(
        settings, **{name: str(Path(path).absolute()) for name, path in paths.items() if path}
    )


def _file(path: str) -> dict[str, Any]:
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"settings file {path}: {error}") from error


def _environment(env: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in Settings.__struct_fields__:
        text = env.get(f"POINTSMAN_{name.upper()}")
        if text is None:
            continue
        is_list = isinstance(getattr(Settings(), name), tuple)
        values[name] = [part for part in text.split(",") if part] if is_list else text
    return values
