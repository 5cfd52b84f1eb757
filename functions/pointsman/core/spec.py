"""What people write: a model's desired state."""

from __future__ import annotations

from typing import Final

import msgspec

from pointsman.core.tensor import Signature

WEIGHT_SCALE: Final = 10_000
DEFAULT_POOL: Final = "default"
DEFAULT_MAX_BATCH: Final = 256
DEFAULT_CONCURRENCY: Final = 2
DEFAULT_TOLERANCE: Final = 1e-4
NAMED: Final = "named"
THREAD: Final = "thread"
PROCESS: Final = "process"
PYTHON: Final = "python"
"""The runtime whose versions always have a process of their own."""
REMOTE: Final = ("oip", "tensorflow-serving", "openai")
"""The runtimes that ask a server, their `uri`, and have no artifact."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is done to requests before a network, or to its answers after it.

    `use` is a built-in step or `package.module:name` of the pod's environment, which is called with `options`
    and returns the step. `uri` is a file that it reads, `sha256` that file's.
    """

    use: str
    uri: str = ""
    sha256: str = ""
    options: dict[str, str] = msgspec.field(default_factory=dict)


class VersionSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version: where its artifact lies and how it is run.

    `uri` is `file:///…` for an artifact, another URI for one that pods fetch by its digest,
    `python:package.module:Class` for a class of the pod's own environment, or another's server. `factory` is
    `package.module:function`; it builds the network a safetensors artifact fills. `options` go to the
    factory or class as keyword strings. `isolation` is THREAD, PROCESS or
    empty, which is what the runtime does by itself; `compute_timeout` is in milliseconds, 0 what the pod
    is set to; `memory` in bytes of its process, 0 no bound.
    """

    uri: str
    runtime: str = "torch"
    factory: str = ""
    sha256: str = ""
    pool: str = DEFAULT_POOL
    signature: Signature | None = None
    options: dict[str, str] = msgspec.field(default_factory=dict)
    example: str = ""
    max_batch: int = DEFAULT_MAX_BATCH
    concurrency: int = DEFAULT_CONCURRENCY
    min_ready: int = 1
    ordered: bool = False
    pinned: bool = False
    expect: str = ""
    tolerance: float = DEFAULT_TOLERANCE
    isolation: str = ""
    compute_timeout: int = 0
    memory: int = 0
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    example_sha256: str = ""
    expect_sha256: str = ""
    fallback: str = ""


class Route(msgspec.Struct, frozen=True):
    """How requests without an explicit version are spread. Weights count in 1/WEIGHT_SCALE."""

    split: dict[str, int] = msgspec.field(default_factory=dict)
    sticky: bool = True
    features: tuple[str, ...] = ()
    output: str = ""
    experiment: str = ""


class Limits(msgspec.Struct, frozen=True):
    """Bounds of a model. 0 means the default; `deadline_ms` is a request's default deadline."""

    max_inflight: int = 0
    deadline_ms: int = 0


class ModelSpec(msgspec.Struct, frozen=True):
    """The desired state of one model. A version left out drains and retires, unless `policy` keeps it."""

    model: str
    versions: dict[str, VersionSpec]
    route: Route = Route()
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    limits: Limits = Limits()
    policy: str = NAMED
