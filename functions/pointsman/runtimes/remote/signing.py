"""What a remote takes, as a version of ours says it: any number of rows first."""

from __future__ import annotations

import sys
from typing import NamedTuple

import msgspec

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import FAILED_PRECONDITION, Failure, LoadError
from pointsman.runtimes.base import one_line
from pointsman.runtimes.declared import require_signature


class Signed(NamedTuple):
    """The signature, None where an example is to show it, and how many rows a call may hold."""

    signature: Signature | None
    most_rows: int


def signed(spec: VersionSpec, said: Signature | None) -> Signed:
    """Return the version's own signature, else what the remote says of itself; raises LoadError."""
    if spec.signature is not None or said is None:
        require_signature(spec.signature, spec)
        return Signed(spec.signature, sys.maxsize)
    rows = {tensor.shape[0] for tensor in said.inputs if tensor.shape}
    if rows == {1}:
        free = Signature(tuple(map(_freed, said.inputs)), tuple(map(_freed, said.outputs)))
        return Signed(free, 1)
    if rows != {-1}:
        message = f"signature: the remote takes {sorted(rows)} rows at a time; it must take any number, or 1"
        raise LoadError(Failure(FAILED_PRECONDITION, one_line(message), "signature"))
    return Signed(said, sys.maxsize)


def _freed(tensor: TensorSpec) -> TensorSpec:
    return msgspec.structs.replace(tensor, shape=(-1, *tensor.shape[1:]))
