"""The files that a version is made of, each with the digest that says which one is meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from pointsman.core.spec import REMOTE, Step, VersionSpec

URI: Final = "uri"
EXAMPLE: Final = "example"
EXPECT: Final = "expect"
_DIGESTS: Final = {URI: "sha256", EXAMPLE: "example_sha256", EXPECT: "expect_sha256"}
_STEPS: Final = ("before", "after")
# A network of OpenVINO's may have its weights in a second file, which its options name.
OPENVINO: Final = "openvino"
WEIGHTS: Final = "weights"
WEIGHTS_SHA256: Final = "weights_sha256"
_WEIGHTS_FIELD: Final = f"options.{WEIGHTS}"


class File(NamedTuple):
    """A URI and its SHA-256, empty where none is given, and the version's fields that hold them."""

    field: str
    uri: str
    digest_field: str
    digest: str


def files_of(spec: VersionSpec) -> Iterator[File]:
    """Yield a version's files, the artifact first; what comes from an environment, as a class, is one too.

    The server that a remote version asks is none.
    """
    for field, digest_field in _DIGESTS.items():
        is_address = field == URI and spec.runtime in REMOTE
        if getattr(spec, field) and not is_address:
            yield File(field, getattr(spec, field), digest_field, getattr(spec, digest_field))
    if spec.runtime == OPENVINO and spec.options.get(WEIGHTS):
        digest = spec.options.get(WEIGHTS_SHA256, "")
        yield File(_WEIGHTS_FIELD, spec.options[WEIGHTS], f"options.{WEIGHTS_SHA256}", digest)
    for group in _STEPS:
        for number, step in enumerate(getattr(spec, group)):
            if step.uri:
                yield File(f"{group}.{number}.uri", step.uri, f"{group}.{number}.sha256", step.sha256)


def moved(spec: VersionSpec, to: Mapping[str, str]) -> VersionSpec:
    """Return the version with files elsewhere: URIs by the fields that `files_of` names."""
    fields: dict[str, Any] = {field: to[field] for field in _DIGESTS if field in to}
    if _WEIGHTS_FIELD in to:
        fields["options"] = {**spec.options, WEIGHTS: to[_WEIGHTS_FIELD]}
    steps = {group: _moved(group, getattr(spec, group), to) for group in _STEPS}
    return msgspec.structs.replace(spec, **fields, **steps)


def _moved(group: str, steps: tuple[Step, ...], to: Mapping[str, str]) -> tuple[Step, ...]:
    return tuple(
        msgspec.structs.replace(step, uri=to.get(f"{group}.{number}.uri", step.uri))
        for number, step in enumerate(steps)
    )
