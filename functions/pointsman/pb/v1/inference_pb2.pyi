from pointsman.pb.v1 import ingress_pb2 as _ingress_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Lane(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LANE_STREAM: _ClassVar[Lane]
    LANE_INTERACTIVE: _ClassVar[Lane]
LANE_STREAM: Lane
LANE_INTERACTIVE: Lane

class Tensor(_message.Message):
    __slots__ = ("name", "datatype", "shape", "raw", "reference")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATATYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    datatype: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    raw: bytes
    reference: str
    def __init__(self, name: _Optional[str] = ..., datatype: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ..., raw: _Optional[bytes] = ..., reference: _Optional[str] = ...) -> None: ...

class Tensors(_message.Message):
    __slots__ = ("tensors",)
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    tensors: _containers.RepeatedCompositeFieldContainer[Tensor]
    def __init__(self, tensors: _Optional[_Iterable[_Union[Tensor, _Mapping]]] = ...) -> None: ...

class Blob(_message.Message):
    __slots__ = ("media_type", "data")
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    media_type: str
    data: bytes
    def __init__(self, media_type: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class InferenceRequest(_message.Message):
    __slots__ = ("id", "model", "version", "label", "unit", "timeout_ms", "reply_key", "lane", "parameters", "context", "traceparent", "tensors", "json", "blob")
    class ParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    REPLY_KEY_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    id: str
    model: str
    version: str
    label: str
    unit: str
    timeout_ms: int
    reply_key: str
    lane: Lane
    parameters: _containers.ScalarMap[str, str]
    context: bytes
    traceparent: str
    tensors: Tensors
    json: bytes
    blob: Blob
    def __init__(self, id: _Optional[str] = ..., model: _Optional[str] = ..., version: _Optional[str] = ..., label: _Optional[str] = ..., unit: _Optional[str] = ..., timeout_ms: _Optional[int] = ..., reply_key: _Optional[str] = ..., lane: _Optional[_Union[Lane, str]] = ..., parameters: _Optional[_Mapping[str, str]] = ..., context: _Optional[bytes] = ..., traceparent: _Optional[str] = ..., tensors: _Optional[_Union[Tensors, _Mapping]] = ..., json: _Optional[bytes] = ..., blob: _Optional[_Union[Blob, _Mapping]] = ...) -> None: ...

class RequestHead(_message.Message):
    __slots__ = ("id", "model", "version", "label", "unit", "timeout_ms", "reply_key", "lane")
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    REPLY_KEY_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    id: str
    model: str
    version: str
    label: str
    unit: str
    timeout_ms: int
    reply_key: str
    lane: Lane
    def __init__(self, id: _Optional[str] = ..., model: _Optional[str] = ..., version: _Optional[str] = ..., label: _Optional[str] = ..., unit: _Optional[str] = ..., timeout_ms: _Optional[int] = ..., reply_key: _Optional[str] = ..., lane: _Optional[_Union[Lane, str]] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "message", "retryable", "field")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    retryable: bool
    field: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., retryable: bool = ..., field: _Optional[str] = ...) -> None: ...

class Timings(_message.Message):
    __slots__ = ("queued_us", "compute_us", "batch_rows")
    QUEUED_US_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_US_FIELD_NUMBER: _ClassVar[int]
    BATCH_ROWS_FIELD_NUMBER: _ClassVar[int]
    queued_us: int
    compute_us: int
    batch_rows: int
    def __init__(self, queued_us: _Optional[int] = ..., compute_us: _Optional[int] = ..., batch_rows: _Optional[int] = ...) -> None: ...

class InferenceResponse(_message.Message):
    __slots__ = ("id", "model", "version", "arm", "epoch", "decision_id", "attempt", "context", "timings", "traceparent", "error", "outputs")
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    model: str
    version: str
    arm: str
    epoch: int
    decision_id: str
    attempt: int
    context: bytes
    timings: Timings
    traceparent: str
    error: Error
    outputs: Tensors
    def __init__(self, id: _Optional[str] = ..., model: _Optional[str] = ..., version: _Optional[str] = ..., arm: _Optional[str] = ..., epoch: _Optional[int] = ..., decision_id: _Optional[str] = ..., attempt: _Optional[int] = ..., context: _Optional[bytes] = ..., timings: _Optional[_Union[Timings, _Mapping]] = ..., traceparent: _Optional[str] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., outputs: _Optional[_Union[Tensors, _Mapping]] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("id", "model", "version", "error", "attempts", "at_ms", "ingress", "sha256", "value_size", "decision_id", "mark")
    class Mark(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        NONE: _ClassVar[DeadLetter.Mark]
        REPLAYED: _ClassVar[DeadLetter.Mark]
        PURGED: _ClassVar[DeadLetter.Mark]
    NONE: DeadLetter.Mark
    REPLAYED: DeadLetter.Mark
    PURGED: DeadLetter.Mark
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    INGRESS_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    VALUE_SIZE_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    id: str
    model: str
    version: str
    error: Error
    attempts: int
    at_ms: int
    ingress: _ingress_pb2.Ingress
    sha256: bytes
    value_size: int
    decision_id: str
    mark: DeadLetter.Mark
    def __init__(self, id: _Optional[str] = ..., model: _Optional[str] = ..., version: _Optional[str] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., attempts: _Optional[int] = ..., at_ms: _Optional[int] = ..., ingress: _Optional[_Union[_ingress_pb2.Ingress, _Mapping]] = ..., sha256: _Optional[bytes] = ..., value_size: _Optional[int] = ..., decision_id: _Optional[str] = ..., mark: _Optional[_Union[DeadLetter.Mark, str]] = ...) -> None: ...
