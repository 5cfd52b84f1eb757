from pointsman.pb.v1 import inference_pb2 as _inference_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InferManyRequest(_message.Message):
    __slots__ = ("request", "targets")
    class Target(_message.Message):
        __slots__ = ("model", "version", "label")
        MODEL_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        LABEL_FIELD_NUMBER: _ClassVar[int]
        model: str
        version: str
        label: str
        def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., label: _Optional[str] = ...) -> None: ...
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    request: _inference_pb2.InferenceRequest
    targets: _containers.RepeatedCompositeFieldContainer[InferManyRequest.Target]
    def __init__(self, request: _Optional[_Union[_inference_pb2.InferenceRequest, _Mapping]] = ..., targets: _Optional[_Iterable[_Union[InferManyRequest.Target, _Mapping]]] = ...) -> None: ...

class Summary(_message.Message):
    __slots__ = ("received", "answered", "failed", "served", "codes", "refused")
    class Served(_message.Message):
        __slots__ = ("model", "version", "answered")
        MODEL_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        ANSWERED_FIELD_NUMBER: _ClassVar[int]
        model: str
        version: str
        answered: int
        def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., answered: _Optional[int] = ...) -> None: ...
    class Refused(_message.Message):
        __slots__ = ("number", "id", "error")
        NUMBER_FIELD_NUMBER: _ClassVar[int]
        ID_FIELD_NUMBER: _ClassVar[int]
        ERROR_FIELD_NUMBER: _ClassVar[int]
        number: int
        id: str
        error: _inference_pb2.Error
        def __init__(self, number: _Optional[int] = ..., id: _Optional[str] = ..., error: _Optional[_Union[_inference_pb2.Error, _Mapping]] = ...) -> None: ...
    class CodesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    SERVED_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    received: int
    answered: int
    failed: int
    served: _containers.RepeatedCompositeFieldContainer[Summary.Served]
    codes: _containers.ScalarMap[str, int]
    refused: _containers.RepeatedCompositeFieldContainer[Summary.Refused]
    def __init__(self, received: _Optional[int] = ..., answered: _Optional[int] = ..., failed: _Optional[int] = ..., served: _Optional[_Iterable[_Union[Summary.Served, _Mapping]]] = ..., codes: _Optional[_Mapping[str, int]] = ..., refused: _Optional[_Iterable[_Union[Summary.Refused, _Mapping]]] = ...) -> None: ...
