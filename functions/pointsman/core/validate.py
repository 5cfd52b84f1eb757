"""Is a desired state possible? Each finding names its field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pointsman.core.ids import GRAMMAR, is_name
from pointsman.core.spec import ModelSpec, VersionSpec
from pointsman.core.split import MAX_WEIGHT
from pointsman.core.tensor import DTYPES, Signature
from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, Failure

MAX_LIMIT: Final = 10**12  # 31 years in milliseconds: sums of it and a date stay far below 64 bits
MAX_DIMENSION: Final = 2**48

# field, least, most
_BOUNDS = (("max_batch", 1, 65_536), ("concurrency", 1, 64), ("min_ready", 1, 1_000))


def check_spec(spec: ModelSpec) -> Failure | None:
    """Return the first fault of a model's desired state, or None."""
    return next(_spec_faults(spec), None)


def check_versions(
    model: str, versions: Mapping[str, VersionSpec], known: Mapping[str, object]
) -> Failure | None:
    """Return the first fault of versions that are added to a model beside those `known`, or None."""
    return next(_added_faults(model, versions, known), None)


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


def _added_faults(
    model: str, versions: Mapping[str, VersionSpec], known: Mapping[str, object]
) -> Iterator[Failure]:
    if not is_name(model):
        yield invalid("model", f"a name is {GRAMMAR}")
    if not versions:
        yield invalid("register", "at least one version is required")
    for version, entry in versions.items():
        yield from _version_faults(version, entry)
        yield from _fallback_faults(version, entry, {**known, **versions})


def _spec_faults(spec: ModelSpec) -> Iterator[Failure]:
    if not is_name(spec.model):
        yield invalid("model", f"a name is {GRAMMAR}")
    for version, entry in spec.versions.items():
        yield from _version_faults(version, entry)
        yield from _fallback_faults(version, entry, spec.versions)
    if spec.versions:
        fault = check_weights(spec.route.split, spec.versions, "route.split")
        if fault is not None:
            yield fault
    elif spec.route.split:
        yield invalid("route.split", "a model without versions has no split")
    for label, version in spec.labels.items():
        yield from label_faults(label, version, spec.versions)
    for name, value in (("max_inflight", spec.limits.max_inflight), ("deadline", spec.limits.deadline_ms)):
        if not 0 <= value <= MAX_LIMIT:
            yield invalid(f"limits.{name}", f"must be from 0 to {MAX_LIMIT}")


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
    if spec.sha256 and not _is_digest(spec.sha256):
        yield invalid(f"{field}.sha256", "must be 64 hexadecimal digits")
    if spec.signature is not None:
        yield from signature_faults(f"{field}.signature", spec.signature)


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
