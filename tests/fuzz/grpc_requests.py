"""Messages to the gRPC doors that are most likely bad; not among them what changes which models there are."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from google.protobuf.message import Message

from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.tfs import serving_pb2 as tfs
from pointsman.pb.tfs import tensor_pb2 as tf
from pointsman.pb.v1 import gateway_pb2
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.framing import varint
from tests.fuzz.damage import damaged
from tests.fuzz.http_requests import LARGE
from tests.unit.gateway.grpc.doors import MODELS, OIP, OWN, TFS

_SIZES: Final = (-1, 0, 1, 2, 2**31, 2**62, 2**63 - 1, -(2**63))
_NAMES: Final = ("", "x", "z", "\0", "a/b", "~", "é" * 100, "n" * 5_000)
_DATATYPES: Final = (
    "FP32",
    "FP64",
    "FP16",
    "BOOL",
    "INT8",
    "UINT32",
    "INT64",
    "BYTES",
    "BF16",
    "",
    "?" * 999,
)
_CONTENTS: Final[tuple[Mapping[str, list[Any]], ...]] = (
    {"fp32_contents": [1, 2]}, {"fp64_contents": [1e308]}, {"int_contents": [2**31 - 1] * 300},
    {"int64_contents": [-(2**63)]}, {"uint_contents": [2**32 - 1]}, {"uint64_contents": [2**64 - 1]},
    {"bool_contents": [True]}, {"bytes_contents": [b"", b"\xff\0"]}, {},
)  # fmt: skip
_ELEMENTS: Final[tuple[Mapping[str, Any], ...]] = (
    {"float_val": [1, 2]}, {"double_val": [1]}, {"int_val": [-(2**31)]}, {"string_val": [b"\xff\0", b""]},
    {"int64_val": [2**63 - 1]}, {"bool_val": [True]}, {"half_val": [1 << 16]}, {"uint32_val": [2**32 - 1]},
    {"uint64_val": [2**64 - 1]}, {"tensor_content": b"\0" * 8}, {"tensor_content": b"\xff" * 9}, {},
)  # fmt: skip
# Field 1000 in each wire type, one of them unknown; a group that does not end; and an overlong number.
_UNKNOWN: Final = (
    b"\xc0\x3e\x01",
    b"\xc2\x3e\x02ab",
    b"\xc3\x3e",
    b"\xc7\x3e",
    b"\x08" + b"\xff" * 10 + b"\1",
)
# Field 1000 again, of LARGE bytes.
_UNKNOWN_AND_LARGE: Final = b"\xc2\x3e" + varint(LARGE) + bytes(LARGE)


class GrpcRequest(NamedTuple):
    """A message for a method, as bytes: it may be none."""

    service: str
    method: str
    message: bytes

    @property
    def path(self) -> str:
        """Where HTTP/2 has it."""
        return f"/{self.service}/{self.method}"


def good(model: str, width: int, number: float = 1.0) -> GrpcRequest:
    """Return a request whose answer is known: one row of `number`s for the input `x`."""
    tensor: dict[str, Any] = {"name": "x", "datatype": "FP32", "shape": [1, width]}
    tensor["contents"] = {"fp32_contents": [number] * width}
    request = oip.ModelInferRequest(model_name=model, inputs=[tensor])
    return GrpcRequest(OIP, "ModelInfer", request.SerializeToString())


def bad(chance: random.Random, model: str, width: int) -> GrpcRequest:
    """Return a request for a model that takes rows of so many FP32 as `x`."""
    name = model if chance.random() < 0.9 else chance.choice(_NAMES)
    service, method, message = chance.choice(_MAKERS)(chance, name, width)
    value = message.SerializeToString()
    fault = chance.randrange(10)
    if fault < 2:
        value = damaged(chance, value)
    elif fault == 2:
        value += chance.choice(_UNKNOWN)
    elif fault == 3:
        value += _UNKNOWN_AND_LARGE
    elif fault == 4:
        value *= chance.choice((2, 3))  # protobuf joins what comes twice
    return GrpcRequest(service, method, value)


def _shape(chance: random.Random, width: int) -> list[int]:
    shape = [1, width]
    act = chance.randrange(6)
    if act == 0:
        shape[chance.randrange(2)] = chance.choice(_SIZES)
    elif act == 1:
        shape = [chance.choice(_SIZES) for _ in range(chance.choice((0, 1, 3, 40)))]
    return shape


def _one_of(chance: random.Random, usual: Any, *others: Any) -> Any:
    return usual if chance.random() < 0.7 else chance.choice(others)


def _infer(chance: random.Random, model: str, width: int) -> tuple[str, str, Message]:
    request = oip.ModelInferRequest(model_name=model, model_version=_one_of(chance, "", "1", "77", "a/b"))
    for _ in range(_one_of(chance, 1, 0, 2, 30)):
        usual = {"fp32_contents": [0.5] * width}
        request.inputs.add(
            name=_one_of(chance, "x", *_NAMES),
            datatype=_one_of(chance, "FP32", *_DATATYPES),
            shape=_shape(chance, width),
            contents=_one_of(chance, usual, *_CONTENTS),
        )
    for _ in range(_one_of(chance, 0, 1, 2, 5)):
        request.raw_input_contents.append(chance.randbytes(_one_of(chance, 4 * width, 0, 1, 7, 5_000)))
        if chance.random() < 0.7:
            for tensor in request.inputs:
                tensor.ClearField("contents")
    for _ in range(_one_of(chance, 0, 1, 2)):
        request.outputs.add(name=_one_of(chance, "y", *_NAMES))
    if chance.random() < 0.2:
        name = chance.choice(("timeout", "binary_data_output", "shared_memory_region", "", "priority"))
        field = chance.choice(("string_param", "double_param", "bool_param"))
        values: dict[str, Any] = {"string_param": "s", "double_param": 1e308, "bool_param": False}
        request.parameters[name].CopyFrom(oip.InferParameter(**{field: values[field]}))
    return OIP, "ModelInfer", request


def _tensor(chance: random.Random, width: int) -> tf.TensorProto:
    usual = {"float_val": [0.5] * width}
    tensor = tf.TensorProto(**_one_of(chance, usual, *_ELEMENTS))
    tensor.dtype = _one_of(chance, tf.DT_FLOAT, *range(27), 2**31 - 1, -1)
    sizes = _shape(chance, width)
    tensor.tensor_shape.dim.extend(tf.TensorShapeProto.Dim(size=size) for size in sizes)
    tensor.tensor_shape.unknown_rank = chance.random() < 0.05
    return tensor


def _spec(chance: random.Random, model: str) -> tfs.ModelSpec:
    spec = tfs.ModelSpec(name=model, signature_name=_one_of(chance, "", "serving_default", "other", "\0"))
    if chance.random() < 0.2:
        spec.version.value = chance.choice((1, 0, -1, 2**63 - 1))
    elif chance.random() < 0.1:
        spec.version_label = chance.choice(_NAMES)
    return spec


def _predict(chance: random.Random, model: str, width: int) -> tuple[str, str, Message]:
    request = tfs.PredictRequest(model_spec=_spec(chance, model))
    for _ in range(_one_of(chance, 1, 0, 2, 30)):
        request.inputs[_one_of(chance, "x", *_NAMES)].CopyFrom(_tensor(chance, width))
    request.output_filter.extend(_one_of(chance, [], ["y"], ["y", "y"], ["nobody"]))
    return TFS, "Predict", request


def _example(chance: random.Random, width: int) -> tf.Example:
    example = tf.Example()
    features: tuple[Mapping[str, Any], ...] = (
        {"float_list": {"value": [0.5] * width}},
        {"int64_list": {"value": [2**63 - 1] * width}},
        {"bytes_list": {"value": [b"\xff"] * width}},
        {"float_list": {"value": [1] * (width + 1)}},
        {"float_list": {}},
        {},
    )
    for _ in range(_one_of(chance, 1, 0, 2)):
        example.features.feature[_one_of(chance, "x", *_NAMES)].CopyFrom(
            tf.Feature(**_one_of(chance, features[0], *features))
        )
    return example


def _examples(chance: random.Random, model: str, width: int) -> tuple[str, str, Message]:
    rows = [_example(chance, width) for _ in range(_one_of(chance, 1, 0, 2, 30))]
    given = tfs.Input(example_list=tfs.ExampleList(examples=rows))
    if chance.random() < 0.3:
        context = tfs.ExampleListWithContext(examples=rows, context=_example(chance, width))
        given = tfs.Input(example_list_with_context=context)
    spec = _spec(chance, model)
    act = chance.randrange(3)
    if act == 0:
        return TFS, "Classify", tfs.ClassificationRequest(model_spec=spec, input=given)
    if act == 1:
        return TFS, "Regress", tfs.RegressionRequest(model_spec=spec, input=given)
    method = _one_of(chance, "tensorflow/serving/classify", "", "other")
    tasks = [tfs.InferenceTask(model_spec=spec, method_name=method)] * _one_of(chance, 2, 0, 70)
    return TFS, "MultiInference", tfs.MultiInferenceRequest(tasks=tasks, input=given)


def _own(chance: random.Random, model: str, width: int) -> tuple[str, str, Message]:
    request = pb.InferenceRequest(
        id=_one_of(chance, "i", *_NAMES),
        model=model,
        version=_one_of(chance, "", "1", "77", *_NAMES),
        label=_one_of(chance, "", *_NAMES),
        unit=_one_of(chance, "", *_NAMES),
        timeout_ms=_one_of(chance, 0, -1, 2**62, 30_000),
        context=chance.randbytes(_one_of(chance, 0, 3, 5_000)),
        parameters=_one_of(chance, {}, {"a": "b"}, {"": ""}),
        reply_key=_one_of(chance, "", "elsewhere"),
    )
    payload = chance.randrange(6)
    if payload < 4:
        for _ in range(_one_of(chance, 1, 0, 2)):
            request.tensors.tensors.add(
                name=_one_of(chance, "x", *_NAMES),
                datatype=_one_of(chance, "FP32", *_DATATYPES),
                shape=_shape(chance, width),
                raw=chance.randbytes(_one_of(chance, 4 * width, 0, 1, 9)),
                reference=_one_of(chance, "", "", "nowhere"),
            )
    elif payload == 4:
        request.json = chance.choice((b'{"instances":[[1,2,3,4]]}', b"{", b'{"inputs":[]}', b"[" * 50_000))
    else:
        request.blob.data = b"\0"
    if chance.random() < 0.8:
        return OWN, "Infer", request
    targets = [{"model": model, "version": _one_of(chance, "", "1", "77")}] * _one_of(chance, 1, 0, 2)
    return OWN, "InferMany", gateway_pb2.InferManyRequest(request=request, targets=targets)


def _about(chance: random.Random, model: str, _: int) -> tuple[str, str, Message]:
    version = _one_of(chance, "", "1", "77", "a/b")
    spec = _spec(chance, model)
    fields = _one_of(chance, ["signature_def"], [], ["other"])
    return chance.choice((
        (OIP, "ModelReady", oip.ModelReadyRequest(name=model, version=version)),
        (OIP, "ModelMetadata", oip.ModelMetadataRequest(name=model, version=version)),
        (OIP, "ModelConfig", oip.ModelConfigRequest(name=model, version=version)),
        (OIP, "ModelStatistics", oip.ModelStatisticsRequest(name=model, version=version)),
        (OIP, "RepositoryIndex", oip.RepositoryIndexRequest(ready=True)),
        (TFS, "GetModelMetadata", tfs.GetModelMetadataRequest(model_spec=spec, metadata_field=fields)),
        (MODELS, "GetModelStatus", tfs.GetModelStatusRequest(model_spec=spec)),
    ))  # fmt: skip


_MAKERS: Final = (_infer, _infer, _infer, _predict, _predict, _examples, _own, _own, _about)
