"""Is a desired state possible? Each finding names its field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pointsman.core.files import files_of
from pointsman.core.ids import GRAMMAR, is_name
from pointsman.core.policy import latest, policy_faults, staying
from pointsman.core.spec import PROCESS, PYTHON, REMOTE, THREAD, ModelSpec, Step, VersionSpec
from pointsman.core.split import MAX_WEIGHT
from pointsman.core.table import RouteTable
from pointsman.core.tensor import DTYPES, Signature
from pointsman.core.uri import names_user
from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, Failure

MAX_LIMIT: Final = 10**12  # 31 years in milliseconds: sums of it and a date stay far below 64 bits
MAX_DIMENSION: Final = 2**48
MAX_COMPUTE_MS: Final = (
    30_000  # a call of a model function takes 20 s and a pass; after 60 s it is made again
)

# field, least, most
_BOUNDS = (("max_batch", 1, 65_536), ("concurrency", 1, 64), ("min_ready", 1, 1_000))


def check_spec(spec: ModelSpec, kept: Mapping[str, object]) -> Failure | None:
    """Return the first fault of a model's desired state, or None. `kept` are versions that stay unlisted."""
    return next(_spec_faults(spec, {**kept, **spec.versions}), None)


def check_versions(table: RouteTable, versions: Mapping[str, VersionSpec]) -> Failure | None:
    """Return the first fault of versions that are added to a model beside those it has, or None."""
    return next(_added_faults(table, versions), None)


def check_weights(weights: Mapping[str, int], known: Mapping[str, object], field: str) -> Failure | None:
    """Return the first fault of a split over the `known` versions, or None."""
    for version, weight in weights.items():
        if version not in known:
            return Failure(NOT_FOUND, f"the model has no version {version!r}", f"{field}.{version}")
        if not 0 <= weight <= MAX_WEIGHT:
            return invalid(
                f"{field}.{version}", "a weight is a number from 0 to 1677, with at most 4 decimals"
            )
    if not any(weights.values()):
        return invalid(field, "at least one weight must be positive")
    return None


def invalid(field: str, message: str) -> Failure:
    """Return an INVALID_ARGUMENT failure."""
    return Failure(INVALID_ARGUMENT, f"{field}: {message}", field)


def _added_faults(table: RouteTable, versions: Mapping[str, VersionSpec]) -> Iterator[Failure]:
    if not is_name(table.model):
        yield invalid("model", f"a name is {GRAMMAR}")
    if not versions:
        yield invalid("register", "at least one version is required")
    for version, entry in versions.items():
        yield from _version_faults(version, entry)
        yield from _fallback_faults(version, entry, {**staying(table), **versions})
    yield from policy_faults(table.policy, versions)


def _spec_faults(spec: ModelSpec, known: Mapping[str, object]) -> Iterator[Failure]:
    if not is_name(spec.model):
        yield invalid("model", f"a name is {GRAMMAR}")
    for version, entry in spec.versions.items():
        yield from _version_faults(version, entry)
        yield from _fallback_faults(version, entry, known)
    yield from policy_faults(spec.policy, known)
    yield from _split_faults(spec, known)
    for label, version in spec.labels.items():
        yield from label_faults(label, version, known)
    for name, value in (("max_inflight", spec.limits.max_inflight), ("deadline", spec.limits.deadline_ms)):
        if not 0 <= value <= MAX_LIMIT:
            yield invalid(f"limits.{name}", f"must be from 0 to {MAX_LIMIT}")


def _split_faults(spec: ModelSpec, known: Mapping[str, object]) -> Iterator[Failure]:
    if latest(spec.policy):
        if spec.route.split:
            yield invalid("route.split", f"{spec.policy} deals out the traffic; leave it out")
    elif known:
        fault = check_weights(spec.route.split, known, "route.split")
        if fault is not None:
            yield fault
    elif spec.route.split:
        yield invalid("route.split", "a model without versions has no split")


def label_faults(label: str, version: str, known: Mapping[str, object]) -> Iterator[Failure]:
    """Yield the faults of one label; an empty version removes it."""
    if not is_name(label):
        yield invalid(f"labels.{label}", f"a label is {GRAMMAR}")
    if version and version not in known:
        yield Failure(NOT_FOUND, f"the model has no version {version!r}", f"labels.{label}")


def _version_faults(version: str, spec: VersionSpec) -> Iterator[Failure]:
    field = f"versions.{version}"
    if not is_name(version):
        yield invalid(field, f"a version is {GRAMMAR}")
    if not spec.uri:
        yield invalid(f"{field}.uri", "is required")
    if not is_name(spec.pool):
        yield invalid(f"{field}.pool", f"a pool is {GRAMMAR}")
    for name, least, most in _BOUNDS:
        if not least <= getattr(spec, name) <= most:
            yield invalid(f"{field}.{name}", f"must be from {least} to {most}")
    if spec.signature is not None:
        yield from signature_faults(f"{field}.signature", spec.signature)
    yield from _file_faults(field, spec)
    yield from _expectation_faults(field, spec)
    if spec.runtime in REMOTE:
        yield from _remote_faults(field, spec)
    yield from _isolation_faults(field, spec)
    yield from _steps_faults(field, spec)


def _remote_faults(field: str, spec: VersionSpec) -> Iterator[Failure]:
    """Yield what makes no sense for a version that computes elsewhere."""
    if names_user(spec.uri):
        message = "names a server, and holds no user and no password; say `key_env` among the options"
        yield invalid(f"{field}.uri", message)
    for name, remedy in (
        ("isolation", "it has no process here"),
        ("memory", "it takes none here"),
        ("compute_timeout", "say `timeout_ms` among its options"),
    ):
        if getattr(spec, name):
            yield invalid(f"{field}.{name}", f"a version of {spec.runtime} computes elsewhere: {remedy}")


def _steps_faults(field: str, spec: VersionSpec) -> Iterator[Failure]:
    for name in ("before", "after"):
        steps = getattr(spec, name)
        if steps and (spec.runtime == PYTHON or spec.runtime in REMOTE):
            message = f"steps stand around a network in the pod; what {spec.runtime} runs does this by itself"
            yield invalid(f"{field}.{name}", message)
        for number, step in enumerate(steps):
            yield from _step_faults(f"{field}.{name}.{number}", step)


def _step_faults(field: str, step: Step) -> Iterator[Failure]:
    if not step.use:
        yield invalid(f"{field}.use", "is required")
    if step.sha256 and not step.uri:
        yield invalid(f"{field}.sha256", "is of a file; give its uri, or leave it out")


def _file_faults(field: str, spec: VersionSpec) -> Iterator[Failure]:
    for file in files_of(spec):
        if file.digest and not _is_digest(file.digest):
            yield invalid(f"{field}.{file.digest_field}", "must be 64 hexadecimal digits, in lower case")


def _expectation_faults(field: str, spec: VersionSpec) -> Iterator[Failure]:
    if spec.expect and not spec.example:
        yield invalid(f"{field}.expect", "says what the example gives, so it needs an example")
    if not 0 < spec.tolerance <= 1:
        yield invalid(f"{field}.tolerance", "must be over 0 and at most 1")


def _isolation_faults(field: str, spec: VersionSpec) -> Iterator[Failure]:
    if spec.isolation not in ("", THREAD, PROCESS):
        yield invalid(f"{field}.isolation", f"must be {THREAD} or {PROCESS}")
    if spec.isolation == THREAD and spec.runtime == PYTHON:
        message = f"a Python class always has a process of its own; say {PROCESS}, or leave it out"
        yield invalid(f"{field}.isolation", message)
    if spec.compute_timeout and not 10 <= spec.compute_timeout <= MAX_COMPUTE_MS:
        message = f"must be from 10ms to {MAX_COMPUTE_MS // 1000}s; 0 is the pod's own"
        yield invalid(f"{field}.compute_timeout", message)
    if not 0 <= spec.memory <= MAX_LIMIT:
        yield invalid(f"{field}.memory", f"must be from 0 to {MAX_LIMIT} bytes")
    if spec.memory and spec.isolation != PROCESS and spec.runtime != PYTHON:
        message = f"only a process of its own can be bounded; add `isolation: {PROCESS}`"
        yield invalid(f"{field}.memory", message)


def _fallback_faults(version: str, spec: VersionSpec, known: Mapping[str, object]) -> Iterator[Failure]:
    field = f"versions.{version}.fallback"
    if spec.fallback == version:
        yield invalid(field, "is another version of the model")
    elif spec.fallback and spec.fallback not in known:
        yield Failure(NOT_FOUND, f"{field}: the model has no version {spec.fallback!r}", field)


def _is_digest(text: str) -> bool:
    return len(text) == 64 and all(c in "0123456789abcdef" for c in text)


def signature_faults(field: str, signature: Signature) -> Iterator[Failure]:
    """Yield the faults of a signature: of a version's description, or of what its code declares."""
    if not signature.inputs:
        yield invalid(f"{field}.inputs", "at least one input is required")
    for tensor in (*signature.inputs, *signature.outputs):
        if tensor.datatype not in DTYPES:
            yield invalid(f"{field}.{tensor.name}.datatype", f"must be one of {', '.join(DTYPES)}")
        if not tensor.shape or not all(-1 <= size <= MAX_DIMENSION for size in tensor.shape):
            yield invalid(f"{field}.{tensor.name}.shape", "starts with the batch dimension; -1 is any size")
