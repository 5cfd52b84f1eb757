"""What a version is, to protobuf and back."""

from __future__ import annotations

from pointsman.core.spec import (
    DEFAULT_CONCURRENCY,
    DEFAULT_MAX_BATCH,
    DEFAULT_POOL,
    DEFAULT_TOLERANCE,
    Step,
    VersionSpec,
)
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.pb.v1 import routing_pb2 as pb


def spec_to_pb(spec: VersionSpec) -> pb.VersionSpec:
    """Return the message of a version's description."""
    return pb.VersionSpec(
        uri=spec.uri,
        sha256=spec.sha256,
        runtime=spec.runtime,
        factory=spec.factory,
        pool=spec.pool,
        signature=None if spec.signature is None else signature_to_pb(spec.signature),
        options=spec.options,
        example=spec.example,
        max_batch=spec.max_batch,
        concurrency=spec.concurrency,
        min_ready=spec.min_ready,
        ordered=spec.ordered,
        pinned=spec.pinned,
        expect=spec.expect,
        tolerance=spec.tolerance,
        isolation=spec.isolation,
        compute_timeout_ms=spec.compute_timeout,
        memory_bytes=spec.memory,
        before=map(_step_to_pb, spec.before),
        after=map(_step_to_pb, spec.after),
        example_sha256=spec.example_sha256,
        expect_sha256=spec.expect_sha256,
        fallback=spec.fallback,
    )


def spec_from_pb(message: pb.VersionSpec) -> VersionSpec:
    """Return the description; a field that the sender left out has its default."""
    return VersionSpec(
        uri=message.uri,
        runtime=message.runtime or "torch",
        factory=message.factory,
        sha256=message.sha256,
        pool=message.pool or DEFAULT_POOL,
        signature=signature_from_pb(message.signature) if message.HasField("signature") else None,
        options=dict(message.options),
        example=message.example,
        max_batch=message.max_batch or DEFAULT_MAX_BATCH,
        concurrency=message.concurrency or DEFAULT_CONCURRENCY,
        min_ready=message.min_ready or 1,
        ordered=message.ordered,
        pinned=message.pinned,
        expect=message.expect,
        tolerance=message.tolerance or DEFAULT_TOLERANCE,
        isolation=message.isolation,
        compute_timeout=message.compute_timeout_ms,
        memory=message.memory_bytes,
        before=tuple(map(_step_from_pb, message.before)),
        after=tuple(map(_step_from_pb, message.after)),
        example_sha256=message.example_sha256,
        expect_sha256=message.expect_sha256,
        fallback=message.fallback,
    )


def signature_to_pb(signature: Signature) -> pb.Signature:
    """Return the message of a signature."""
    return pb.Signature(
        inputs=[_tensor_to_pb(tensor) for tensor in signature.inputs],
        outputs=[_tensor_to_pb(tensor) for tensor in signature.outputs],
    )


def signature_from_pb(message: pb.Signature) -> Signature:
    """Return the signature of a message."""
    return Signature(
        tuple(_tensor_from_pb(tensor) for tensor in message.inputs),
        tuple(_tensor_from_pb(tensor) for tensor in message.outputs),
    )


def _tensor_to_pb(tensor: TensorSpec) -> pb.TensorSpec:
    return pb.TensorSpec(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)


def _tensor_from_pb(message: pb.TensorSpec) -> TensorSpec:
    return TensorSpec(message.name, message.datatype, tuple(message.shape))


def _step_to_pb(step: Step) -> pb.Step:
    return pb.Step(use=step.use, uri=step.uri, sha256=step.sha256, options=step.options)


def _step_from_pb(message: pb.Step) -> Step:
    return Step(message.use, message.uri, message.sha256, dict(message.options))
