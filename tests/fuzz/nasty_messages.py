"""Messages that are known to have broken other servers, with the code and the words that each must get."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.tfs import serving_pb2 as tfs
from pointsman.pb.tfs import tensor_pb2 as tf
from tests.fuzz.grpc_requests import GrpcRequest
from tests.unit.gateway.grpc.doors import OIP, TFS

Make: TypeAlias = Callable[[str, int], GrpcRequest]


class NastyMessage(NamedTuple):
    """`asked` is made for a model and the width of its rows."""

    what: str
    code: str
    said: str
    asked: Make


def message(raws: Sequence[bytes] = (), outputs: Sequence[str] = (), *tensors: Any) -> Make:
    """Return a ModelInfer whose tensors differ from a good one in what is given."""

    def asked(model: str, width: int) -> GrpcRequest:
        request = oip.ModelInferRequest(model_name=model, raw_input_contents=raws)
        for changes in tensors or ({},):
            good: dict[str, Any] = {"name": "x", "datatype": "FP32", "shape": [1, width]}
            if not raws:
                good["contents"] = {"fp32_contents": [7] * width}
            request.inputs.add(**{**good, **changes})
        for name in outputs:
            request.outputs.add(name=name)
        return GrpcRequest(OIP, "ModelInfer", request.SerializeToString())

    return asked


def predict(dims: Sequence[int], **tensor: Any) -> Make:
    def asked(model: str, _: int) -> GrpcRequest:
        shape = tf.TensorShapeProto(dim=[tf.TensorShapeProto.Dim(size=size) for size in dims])
        proto = tf.TensorProto(**{"dtype": tf.DT_FLOAT, "tensor_shape": shape, **tensor})
        request = tfs.PredictRequest(model_spec={"name": model}, inputs={"x": proto})
        return GrpcRequest(TFS, "Predict", request.SerializeToString())

    return asked


def too_large(model: str, width: int) -> GrpcRequest:
    """Return a message beyond what any gateway takes; made when it is needed."""
    return message([bytes(65 << 20)])(model, width)


_TWO: Final = struct.pack("<I1sI1s", 1, b"a", 1, b"b")
_INVALID: Final = "INVALID_ARGUMENT"

GRPC: Final[Sequence[NastyMessage]] = (
    NastyMessage("raw binary of the wrong size", _INVALID, "x",
                 message([b"\0" * 7])),
    NastyMessage("raw binary for one input too many", _INVALID, "raw_input_contents",
                 message([b"", b""])),
    NastyMessage("raw binary beside elements", _INVALID, "cannot both",
                 message([b"\0"], [], {"contents": {"fp32_contents": [1]}})),
    NastyMessage("too many BYTES elements", _INVALID, "'x'",
                 message([_TWO], [], {"datatype": "BYTES", "shape": [1, 1]})),
    NastyMessage("a BYTES element longer than the message", _INVALID, "cut short",
                 message([b"\xff\xff\xff\x7fab"], [], {"datatype": "BYTES", "shape": [1, 1]})),
    NastyMessage("size overflow", _INVALID, "'x'",
                 message((), (), {"shape": [2**62, 4]})),
    NastyMessage("negative dims", _INVALID, "negative",
                 message((), (), {"shape": [-1, -2]})),
    NastyMessage("40 dims", _INVALID, "dimensions",
                 message((), (), {"shape": [1] * 40})),
    NastyMessage("duplicate outputs", _INVALID, "twice",
                 message((), ["y", "y"])),
    NastyMessage("duplicate inputs", _INVALID, "twice",
                 message((), (), {}, {})),
    NastyMessage("an unknown datatype", _INVALID, "datatype",
                 message((), (), {"datatype": "?"})),
    NastyMessage("null characters in a name", _INVALID, "x",
                 message((), (), {"name": "x\0"})),
    NastyMessage("no message at all", _INVALID, "protobuf",
                 lambda *_: GrpcRequest(OIP, "ModelInfer", b"\xff" * 9)),
    NastyMessage("a value repeated into petabytes", _INVALID, "'x'",
                 predict([2**50], float_val=[1])),
    NastyMessage("negative dims of a TensorProto", _INVALID, "negative",
                 predict([-1], float_val=[1])),
    NastyMessage("a rank that is unknown", _INVALID, "rank",
                 predict([], tensor_shape={"unknown_rank": True}, float_val=[1])),
    NastyMessage("a message above its limit", "RESOURCE_EXHAUSTED", "larger",
                 too_large),
)  # fmt: skip
