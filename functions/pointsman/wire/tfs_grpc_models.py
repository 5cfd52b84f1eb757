"""What TensorFlow Serving tells of a model: its signature and the status of its versions."""

from __future__ import annotations

from collections.abc import Iterable

from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionEntry
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import Failure
from pointsman.pb.tfs import error_pb2, serving_pb2
from pointsman.pb.tfs import tensor_pb2 as tf
from pointsman.wire.tfs_grpc import SIGNATURE, version_number
from pointsman.wire.tfs_status import STATES
from pointsman.wire.tfs_tensor import DATA_TYPES, shape_to_proto


def signature_of(spec: VersionSpec) -> serving_pb2.SignatureDefMap:
    """Return the version's signature under `serving_default`; without tensors where it declares none."""
    signature = spec.signature or Signature(())
    definition = tf.SignatureDef(
        inputs=_infos(signature.inputs),
        outputs=_infos(signature.outputs),
        method_name="tensorflow/serving/predict",
    )
    return serving_pb2.SignatureDefMap(signature_def={SIGNATURE: definition})


def status_of(entry: VersionEntry) -> serving_pb2.ModelVersionStatus:
    """Return the version's status. One whose name is no number is version 0, and its message names it."""
    number = version_number(entry.version)
    message = entry.reason if number is not None else f"version {entry.version}: {entry.reason}"
    state, code = STATES[entry.state]
    status = serving_pb2.StatusProto(error_code=code, error_message=message.removesuffix(": "))
    return serving_pb2.ModelVersionStatus(version=number or 0, state=state, status=status)


def status_proto(failure: Failure | None) -> serving_pb2.StatusProto:
    """Return the failure, or its absence, as a status."""
    if failure is None:
        return serving_pb2.StatusProto(error_code=error_pb2.OK)
    code = failure.code if failure.code in error_pb2.Code.keys() else "UNKNOWN"  # noqa: SIM118 - no dict
    return serving_pb2.StatusProto(error_code=code, error_message=failure.message)


def _infos(tensors: Iterable[TensorSpec]) -> dict[str, tf.TensorInfo]:
    return {
        tensor.name: tf.TensorInfo(
            name=f"{tensor.name}:0",
            dtype=DATA_TYPES[tensor.datatype],
            tensor_shape=shape_to_proto(tensor.shape),
        )
        for tensor in tensors
    }
