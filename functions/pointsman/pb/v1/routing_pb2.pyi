from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VersionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERSION_STATE_UNSPECIFIED: _ClassVar[VersionState]
    REGISTERED: _ClassVar[VersionState]
    LOADING: _ClassVar[VersionState]
    WARMING: _ClassVar[VersionState]
    READY: _ClassVar[VersionState]
    DRAINING: _ClassVar[VersionState]
    RETIRED: _ClassVar[VersionState]
    UNREACHABLE: _ClassVar[VersionState]
    FAILED: _ClassVar[VersionState]
VERSION_STATE_UNSPECIFIED: VersionState
REGISTERED: VersionState
LOADING: VersionState
WARMING: VersionState
READY: VersionState
DRAINING: VersionState
RETIRED: VersionState
UNREACHABLE: VersionState
FAILED: VersionState

class TensorSpec(_message.Message):
    __slots__ = ("name", "datatype", "shape")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATATYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    datatype: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., datatype: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ...) -> None: ...

class Signature(_message.Message):
    __slots__ = ("inputs", "outputs")
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    inputs: _containers.RepeatedCompositeFieldContainer[TensorSpec]
    outputs: _containers.RepeatedCompositeFieldContainer[TensorSpec]
    def __init__(self, inputs: _Optional[_Iterable[_Union[TensorSpec, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[TensorSpec, _Mapping]]] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("use", "uri", "sha256", "options")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USE_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    use: str
    uri: str
    sha256: str
    options: _containers.ScalarMap[str, str]
    def __init__(self, use: _Optional[str] = ..., uri: _Optional[str] = ..., sha256: _Optional[str] = ..., options: _Optional[_Mapping[str, str]] = ...) -> None: ...

class VersionSpec(_message.Message):
    __slots__ = ("uri", "sha256", "runtime", "factory", "pool", "signature", "options", "example", "max_batch", "concurrency", "min_ready", "ordered", "expect", "tolerance", "pinned", "isolation", "compute_timeout_ms", "memory_bytes", "fallback", "before", "after", "example_sha256", "expect_sha256")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    URI_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    FACTORY_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCH_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    MIN_READY_FIELD_NUMBER: _ClassVar[int]
    ORDERED_FIELD_NUMBER: _ClassVar[int]
    EXPECT_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    PINNED_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_SHA256_FIELD_NUMBER: _ClassVar[int]
    EXPECT_SHA256_FIELD_NUMBER: _ClassVar[int]
    uri: str
    sha256: str
    runtime: str
    factory: str
    pool: str
    signature: Signature
    options: _containers.ScalarMap[str, str]
    example: str
    max_batch: int
    concurrency: int
    min_ready: int
    ordered: bool
    expect: str
    tolerance: float
    pinned: bool
    isolation: str
    compute_timeout_ms: int
    memory_bytes: int
    fallback: str
    before: _containers.RepeatedCompositeFieldContainer[Step]
    after: _containers.RepeatedCompositeFieldContainer[Step]
    example_sha256: str
    expect_sha256: str
    def __init__(self, uri: _Optional[str] = ..., sha256: _Optional[str] = ..., runtime: _Optional[str] = ..., factory: _Optional[str] = ..., pool: _Optional[str] = ..., signature: _Optional[_Union[Signature, _Mapping]] = ..., options: _Optional[_Mapping[str, str]] = ..., example: _Optional[str] = ..., max_batch: _Optional[int] = ..., concurrency: _Optional[int] = ..., min_ready: _Optional[int] = ..., ordered: bool = ..., expect: _Optional[str] = ..., tolerance: _Optional[float] = ..., pinned: bool = ..., isolation: _Optional[str] = ..., compute_timeout_ms: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., fallback: _Optional[str] = ..., before: _Optional[_Iterable[_Union[Step, _Mapping]]] = ..., after: _Optional[_Iterable[_Union[Step, _Mapping]]] = ..., example_sha256: _Optional[str] = ..., expect_sha256: _Optional[str] = ...) -> None: ...

class VersionEntry(_message.Message):
    __slots__ = ("version", "spec", "state", "generation", "reason", "leaving", "since_ms", "proven")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LEAVING_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    PROVEN_FIELD_NUMBER: _ClassVar[int]
    version: str
    spec: VersionSpec
    state: VersionState
    generation: int
    reason: str
    leaving: bool
    since_ms: int
    proven: bool
    def __init__(self, version: _Optional[str] = ..., spec: _Optional[_Union[VersionSpec, _Mapping]] = ..., state: _Optional[_Union[VersionState, str]] = ..., generation: _Optional[int] = ..., reason: _Optional[str] = ..., leaving: bool = ..., since_ms: _Optional[int] = ..., proven: bool = ...) -> None: ...

class Weight(_message.Message):
    __slots__ = ("version", "weight")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    version: str
    weight: int
    def __init__(self, version: _Optional[str] = ..., weight: _Optional[int] = ...) -> None: ...

class Route(_message.Message):
    __slots__ = ("split", "sticky", "features", "output", "experiment")
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    STICKY_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    split: _containers.RepeatedCompositeFieldContainer[Weight]
    sticky: bool
    features: _containers.RepeatedScalarFieldContainer[str]
    output: str
    experiment: str
    def __init__(self, split: _Optional[_Iterable[_Union[Weight, _Mapping]]] = ..., sticky: bool = ..., features: _Optional[_Iterable[str]] = ..., output: _Optional[str] = ..., experiment: _Optional[str] = ...) -> None: ...

class Label(_message.Message):
    __slots__ = ("label", "version")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    label: str
    version: str
    def __init__(self, label: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_inflight", "deadline_ms")
    MAX_INFLIGHT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    max_inflight: int
    deadline_ms: int
    def __init__(self, max_inflight: _Optional[int] = ..., deadline_ms: _Optional[int] = ...) -> None: ...

class RouteTable(_message.Message):
    __slots__ = ("model", "epoch", "versions", "route", "fallback", "labels", "limits", "commands", "at_ms", "schema", "obeyed", "history", "policy", "awaited", "deployments")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    OBEYED_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    AWAITED_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENTS_FIELD_NUMBER: _ClassVar[int]
    model: str
    epoch: int
    versions: _containers.RepeatedCompositeFieldContainer[VersionEntry]
    route: Route
    fallback: _containers.RepeatedCompositeFieldContainer[Weight]
    labels: _containers.RepeatedCompositeFieldContainer[Label]
    limits: Limits
    commands: _containers.RepeatedScalarFieldContainer[int]
    at_ms: int
    schema: int
    obeyed: _containers.RepeatedCompositeFieldContainer[ControlPlace]
    history: _containers.RepeatedCompositeFieldContainer[ControlPlace]
    policy: str
    awaited: _containers.RepeatedCompositeFieldContainer[Label]
    deployments: _containers.RepeatedCompositeFieldContainer[Deployment]
    def __init__(self, model: _Optional[str] = ..., epoch: _Optional[int] = ..., versions: _Optional[_Iterable[_Union[VersionEntry, _Mapping]]] = ..., route: _Optional[_Union[Route, _Mapping]] = ..., fallback: _Optional[_Iterable[_Union[Weight, _Mapping]]] = ..., labels: _Optional[_Iterable[_Union[Label, _Mapping]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., commands: _Optional[_Iterable[int]] = ..., at_ms: _Optional[int] = ..., schema: _Optional[int] = ..., obeyed: _Optional[_Iterable[_Union[ControlPlace, _Mapping]]] = ..., history: _Optional[_Iterable[_Union[ControlPlace, _Mapping]]] = ..., policy: _Optional[str] = ..., awaited: _Optional[_Iterable[_Union[Label, _Mapping]]] = ..., deployments: _Optional[_Iterable[_Union[Deployment, _Mapping]]] = ...) -> None: ...

class Deployment(_message.Message):
    __slots__ = ("epoch", "at_ms", "actor", "split", "labels", "generations")
    class GenerationsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    at_ms: int
    actor: str
    split: _containers.RepeatedCompositeFieldContainer[Weight]
    labels: _containers.RepeatedCompositeFieldContainer[Label]
    generations: _containers.ScalarMap[str, int]
    def __init__(self, epoch: _Optional[int] = ..., at_ms: _Optional[int] = ..., actor: _Optional[str] = ..., split: _Optional[_Iterable[_Union[Weight, _Mapping]]] = ..., labels: _Optional[_Iterable[_Union[Label, _Mapping]]] = ..., generations: _Optional[_Mapping[str, int]] = ...) -> None: ...

class ControlPlace(_message.Message):
    __slots__ = ("partition", "keyless", "offset")
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    KEYLESS_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    partition: int
    keyless: bool
    offset: int
    def __init__(self, partition: _Optional[int] = ..., keyless: bool = ..., offset: _Optional[int] = ...) -> None: ...

class ModelSpec(_message.Message):
    __slots__ = ("model", "versions", "route", "labels", "limits", "policy")
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: VersionSpec
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[VersionSpec, _Mapping]] = ...) -> None: ...
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    model: str
    versions: _containers.MessageMap[str, VersionSpec]
    route: Route
    labels: _containers.ScalarMap[str, str]
    limits: Limits
    policy: str
    def __init__(self, model: _Optional[str] = ..., versions: _Optional[_Mapping[str, VersionSpec]] = ..., route: _Optional[_Union[Route, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., policy: _Optional[str] = ...) -> None: ...

class ControlCommand(_message.Message):
    __slots__ = ("id", "model", "expected_epoch", "actor", "apply", "split", "label", "retire", "register", "promote", "rollback", "policy")
    class Split(_message.Message):
        __slots__ = ("weights",)
        WEIGHTS_FIELD_NUMBER: _ClassVar[int]
        weights: _containers.RepeatedCompositeFieldContainer[Weight]
        def __init__(self, weights: _Optional[_Iterable[_Union[Weight, _Mapping]]] = ...) -> None: ...
    class SetLabels(_message.Message):
        __slots__ = ("labels",)
        class LabelsEntry(_message.Message):
            __slots__ = ("key", "value")
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: str
            def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
        LABELS_FIELD_NUMBER: _ClassVar[int]
        labels: _containers.ScalarMap[str, str]
        def __init__(self, labels: _Optional[_Mapping[str, str]] = ...) -> None: ...
    class Retire(_message.Message):
        __slots__ = ("versions",)
        VERSIONS_FIELD_NUMBER: _ClassVar[int]
        versions: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, versions: _Optional[_Iterable[str]] = ...) -> None: ...
    class Promote(_message.Message):
        __slots__ = ("version", "labels")
        VERSION_FIELD_NUMBER: _ClassVar[int]
        LABELS_FIELD_NUMBER: _ClassVar[int]
        version: str
        labels: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, version: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ...) -> None: ...
    class Rollback(_message.Message):
        __slots__ = ("to",)
        TO_FIELD_NUMBER: _ClassVar[int]
        to: int
        def __init__(self, to: _Optional[int] = ...) -> None: ...
    class Register(_message.Message):
        __slots__ = ("versions",)
        class VersionsEntry(_message.Message):
            __slots__ = ("key", "value")
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: VersionSpec
            def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[VersionSpec, _Mapping]] = ...) -> None: ...
        VERSIONS_FIELD_NUMBER: _ClassVar[int]
        versions: _containers.MessageMap[str, VersionSpec]
        def __init__(self, versions: _Optional[_Mapping[str, VersionSpec]] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_EPOCH_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    APPLY_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    RETIRE_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    PROMOTE_FIELD_NUMBER: _ClassVar[int]
    ROLLBACK_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    id: str
    model: str
    expected_epoch: int
    actor: str
    apply: ModelSpec
    split: ControlCommand.Split
    label: ControlCommand.SetLabels
    retire: ControlCommand.Retire
    register: ControlCommand.Register
    promote: ControlCommand.Promote
    rollback: ControlCommand.Rollback
    policy: str
    def __init__(self, id: _Optional[str] = ..., model: _Optional[str] = ..., expected_epoch: _Optional[int] = ..., actor: _Optional[str] = ..., apply: _Optional[_Union[ModelSpec, _Mapping]] = ..., split: _Optional[_Union[ControlCommand.Split, _Mapping]] = ..., label: _Optional[_Union[ControlCommand.SetLabels, _Mapping]] = ..., retire: _Optional[_Union[ControlCommand.Retire, _Mapping]] = ..., register: _Optional[_Union[ControlCommand.Register, _Mapping]] = ..., promote: _Optional[_Union[ControlCommand.Promote, _Mapping]] = ..., rollback: _Optional[_Union[ControlCommand.Rollback, _Mapping]] = ..., policy: _Optional[str] = ...) -> None: ...
