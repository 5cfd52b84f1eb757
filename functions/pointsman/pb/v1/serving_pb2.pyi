from pointsman.pb.v1 import ingress_pb2 as _ingress_pb2
from pointsman.pb.v1 import inference_pb2 as _inference_pb2
from pointsman.pb.v1 import routing_pb2 as _routing_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Handle(_message.Message):
    __slots__ = ("model", "version", "generation", "spec", "schema")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: str
    generation: int
    spec: _routing_pb2.VersionSpec
    schema: int
    def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., generation: _Optional[int] = ..., spec: _Optional[_Union[_routing_pb2.VersionSpec, _Mapping]] = ..., schema: _Optional[int] = ...) -> None: ...

class TaskBatch(_message.Message):
    __slots__ = ("model", "version", "arm", "epoch", "generation", "output", "features", "pressed", "at_ms", "egress", "tasks", "fallback")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    PRESSED_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: str
    arm: str
    epoch: int
    generation: int
    output: str
    features: _containers.RepeatedScalarFieldContainer[str]
    pressed: bool
    at_ms: int
    egress: str
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    fallback: str
    def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., arm: _Optional[str] = ..., epoch: _Optional[int] = ..., generation: _Optional[int] = ..., output: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., pressed: bool = ..., at_ms: _Optional[int] = ..., egress: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ..., fallback: _Optional[str] = ...) -> None: ...

class TaskBatchHead(_message.Message):
    __slots__ = ("model", "version", "arm", "epoch", "generation", "output", "features", "pressed", "egress", "fallback")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    PRESSED_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: str
    arm: str
    epoch: int
    generation: int
    output: str
    features: _containers.RepeatedScalarFieldContainer[str]
    pressed: bool
    egress: str
    fallback: str
    def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., arm: _Optional[str] = ..., epoch: _Optional[int] = ..., generation: _Optional[int] = ..., output: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., pressed: bool = ..., egress: _Optional[str] = ..., fallback: _Optional[str] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("id", "decision_id", "reply_key", "deadline_ms", "attempt", "drawn", "ingress")
    ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    REPLY_KEY_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DRAWN_FIELD_NUMBER: _ClassVar[int]
    INGRESS_FIELD_NUMBER: _ClassVar[int]
    id: str
    decision_id: str
    reply_key: str
    deadline_ms: int
    attempt: int
    drawn: bool
    ingress: bytes
    def __init__(self, id: _Optional[str] = ..., decision_id: _Optional[str] = ..., reply_key: _Optional[str] = ..., deadline_ms: _Optional[int] = ..., attempt: _Optional[int] = ..., drawn: bool = ..., ingress: _Optional[bytes] = ...) -> None: ...

class DeepTaskBatch(_message.Message):
    __slots__ = ("model", "version", "arm", "epoch", "generation", "output", "features", "pressed", "at_ms", "egress", "tasks", "fallback")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    PRESSED_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: str
    arm: str
    epoch: int
    generation: int
    output: str
    features: _containers.RepeatedScalarFieldContainer[str]
    pressed: bool
    at_ms: int
    egress: str
    tasks: _containers.RepeatedCompositeFieldContainer[DeepTask]
    fallback: str
    def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., arm: _Optional[str] = ..., epoch: _Optional[int] = ..., generation: _Optional[int] = ..., output: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., pressed: bool = ..., at_ms: _Optional[int] = ..., egress: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[DeepTask, _Mapping]]] = ..., fallback: _Optional[str] = ...) -> None: ...

class DeepTask(_message.Message):
    __slots__ = ("id", "decision_id", "reply_key", "deadline_ms", "attempt", "drawn", "ingress")
    ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    REPLY_KEY_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DRAWN_FIELD_NUMBER: _ClassVar[int]
    INGRESS_FIELD_NUMBER: _ClassVar[int]
    id: str
    decision_id: str
    reply_key: str
    deadline_ms: int
    attempt: int
    drawn: bool
    ingress: DeepIngress
    def __init__(self, id: _Optional[str] = ..., decision_id: _Optional[str] = ..., reply_key: _Optional[str] = ..., deadline_ms: _Optional[int] = ..., attempt: _Optional[int] = ..., drawn: bool = ..., ingress: _Optional[_Union[DeepIngress, _Mapping]] = ...) -> None: ...

class DeepIngress(_message.Message):
    __slots__ = ("timestamp_ms", "value", "format")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: int
    value: _inference_pb2.InferenceRequest
    format: _ingress_pb2.Format
    def __init__(self, timestamp_ms: _Optional[int] = ..., value: _Optional[_Union[_inference_pb2.InferenceRequest, _Mapping]] = ..., format: _Optional[_Union[_ingress_pb2.Format, str]] = ...) -> None: ...

class HeadBatch(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[HeadIngress]
    def __init__(self, records: _Optional[_Iterable[_Union[HeadIngress, _Mapping]]] = ...) -> None: ...

class HeadIngress(_message.Message):
    __slots__ = ("topic", "partition", "offset", "timestamp_ms", "value", "format", "null_value", "model")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    NULL_VALUE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    value: _inference_pb2.RequestHead
    format: _ingress_pb2.Format
    null_value: bool
    model: str
    def __init__(self, topic: _Optional[str] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ..., timestamp_ms: _Optional[int] = ..., value: _Optional[_Union[_inference_pb2.RequestHead, _Mapping]] = ..., format: _Optional[_Union[_ingress_pb2.Format, str]] = ..., null_value: bool = ..., model: _Optional[str] = ...) -> None: ...

class PlaceBatch(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[Place]
    def __init__(self, records: _Optional[_Iterable[_Union[Place, _Mapping]]] = ...) -> None: ...

class Place(_message.Message):
    __slots__ = ("topic", "partition", "offset", "format", "via", "declared_model")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    VIA_FIELD_NUMBER: _ClassVar[int]
    DECLARED_MODEL_FIELD_NUMBER: _ClassVar[int]
    topic: str
    partition: int
    offset: int
    format: _ingress_pb2.Format
    via: str
    declared_model: str
    def __init__(self, topic: _Optional[str] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ..., format: _Optional[_Union[_ingress_pb2.Format, str]] = ..., via: _Optional[str] = ..., declared_model: _Optional[str] = ...) -> None: ...

class RawBatch(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, records: _Optional[_Iterable[bytes]] = ...) -> None: ...

class BatchReport(_message.Message):
    __slots__ = ("version", "generation", "shard", "done", "done_bytes", "failed", "rows", "batches", "compute_us", "reported_done", "reported_at_ms", "flush_armed", "messages", "schema", "wait_ms", "pass_ms", "busy_ms")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    DONE_BYTES_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_US_FIELD_NUMBER: _ClassVar[int]
    REPORTED_DONE_FIELD_NUMBER: _ClassVar[int]
    REPORTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    FLUSH_ARMED_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    PASS_MS_FIELD_NUMBER: _ClassVar[int]
    BUSY_MS_FIELD_NUMBER: _ClassVar[int]
    version: str
    generation: int
    shard: int
    done: int
    done_bytes: int
    failed: int
    rows: int
    batches: int
    compute_us: int
    reported_done: int
    reported_at_ms: int
    flush_armed: bool
    messages: int
    schema: int
    wait_ms: int
    pass_ms: int
    busy_ms: int
    def __init__(self, version: _Optional[str] = ..., generation: _Optional[int] = ..., shard: _Optional[int] = ..., done: _Optional[int] = ..., done_bytes: _Optional[int] = ..., failed: _Optional[int] = ..., rows: _Optional[int] = ..., batches: _Optional[int] = ..., compute_us: _Optional[int] = ..., reported_done: _Optional[int] = ..., reported_at_ms: _Optional[int] = ..., flush_armed: bool = ..., messages: _Optional[int] = ..., schema: _Optional[int] = ..., wait_ms: _Optional[int] = ..., pass_ms: _Optional[int] = ..., busy_ms: _Optional[int] = ...) -> None: ...

class Arms(_message.Message):
    __slots__ = ("shards", "waiting_bytes", "waiting", "timer_armed", "timer_generation", "backlog", "pace", "schema", "drains")
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    WAITING_BYTES_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    TIMER_ARMED_FIELD_NUMBER: _ClassVar[int]
    TIMER_GENERATION_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_FIELD_NUMBER: _ClassVar[int]
    PACE_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DRAINS_FIELD_NUMBER: _ClassVar[int]
    shards: _containers.RepeatedCompositeFieldContainer[ShardTotals]
    waiting_bytes: int
    waiting: int
    timer_armed: bool
    timer_generation: int
    backlog: _containers.RepeatedCompositeFieldContainer[Stretch]
    pace: Pace
    schema: int
    drains: _containers.RepeatedCompositeFieldContainer[Drain]
    def __init__(self, shards: _Optional[_Iterable[_Union[ShardTotals, _Mapping]]] = ..., waiting_bytes: _Optional[int] = ..., waiting: _Optional[int] = ..., timer_armed: bool = ..., timer_generation: _Optional[int] = ..., backlog: _Optional[_Iterable[_Union[Stretch, _Mapping]]] = ..., pace: _Optional[_Union[Pace, _Mapping]] = ..., schema: _Optional[int] = ..., drains: _Optional[_Iterable[_Union[Drain, _Mapping]]] = ...) -> None: ...

class Pace(_message.Message):
    __slots__ = ("limit", "done", "at_ms", "busy_ms")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    BUSY_MS_FIELD_NUMBER: _ClassVar[int]
    limit: int
    done: int
    at_ms: int
    busy_ms: int
    def __init__(self, limit: _Optional[int] = ..., done: _Optional[int] = ..., at_ms: _Optional[int] = ..., busy_ms: _Optional[int] = ...) -> None: ...

class Stretch(_message.Message):
    __slots__ = ("topic", "partition", "via", "start", "end", "ticket", "is_read", "attempt", "format", "declared_model", "asked_ms")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    VIA_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    IS_READ_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    DECLARED_MODEL_FIELD_NUMBER: _ClassVar[int]
    ASKED_MS_FIELD_NUMBER: _ClassVar[int]
    topic: str
    partition: int
    via: str
    start: int
    end: int
    ticket: int
    is_read: bool
    attempt: int
    format: _ingress_pb2.Format
    declared_model: str
    asked_ms: int
    def __init__(self, topic: _Optional[str] = ..., partition: _Optional[int] = ..., via: _Optional[str] = ..., start: _Optional[int] = ..., end: _Optional[int] = ..., ticket: _Optional[int] = ..., is_read: bool = ..., attempt: _Optional[int] = ..., format: _Optional[_Union[_ingress_pb2.Format, str]] = ..., declared_model: _Optional[str] = ..., asked_ms: _Optional[int] = ...) -> None: ...

class Reading(_message.Message):
    __slots__ = ("model", "stretch", "records", "bytes")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STRETCH_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    model: str
    stretch: Stretch
    records: int
    bytes: int
    def __init__(self, model: _Optional[str] = ..., stretch: _Optional[_Union[Stretch, _Mapping]] = ..., records: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Fed(_message.Message):
    __slots__ = ("stretch", "next", "batch", "lost")
    STRETCH_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    stretch: Stretch
    next: int
    batch: bytes
    lost: int
    def __init__(self, stretch: _Optional[_Union[Stretch, _Mapping]] = ..., next: _Optional[int] = ..., batch: _Optional[bytes] = ..., lost: _Optional[int] = ...) -> None: ...

class ShardTotals(_message.Message):
    __slots__ = ("version", "generation", "shard", "sent", "sent_bytes", "done", "done_bytes", "failed", "sent_messages", "done_messages", "wait_ms", "heard_ms", "busy_ms")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    SENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    DONE_BYTES_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    SENT_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    DONE_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    HEARD_MS_FIELD_NUMBER: _ClassVar[int]
    BUSY_MS_FIELD_NUMBER: _ClassVar[int]
    version: str
    generation: int
    shard: int
    sent: int
    sent_bytes: int
    done: int
    done_bytes: int
    failed: int
    sent_messages: int
    done_messages: int
    wait_ms: int
    heard_ms: int
    busy_ms: int
    def __init__(self, version: _Optional[str] = ..., generation: _Optional[int] = ..., shard: _Optional[int] = ..., sent: _Optional[int] = ..., sent_bytes: _Optional[int] = ..., done: _Optional[int] = ..., done_bytes: _Optional[int] = ..., failed: _Optional[int] = ..., sent_messages: _Optional[int] = ..., done_messages: _Optional[int] = ..., wait_ms: _Optional[int] = ..., heard_ms: _Optional[int] = ..., busy_ms: _Optional[int] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ("version", "generation", "done", "at_ms", "per_s", "target_ms")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    PER_S_FIELD_NUMBER: _ClassVar[int]
    TARGET_MS_FIELD_NUMBER: _ClassVar[int]
    version: str
    generation: int
    done: int
    at_ms: int
    per_s: float
    target_ms: int
    def __init__(self, version: _Optional[str] = ..., generation: _Optional[int] = ..., done: _Optional[int] = ..., at_ms: _Optional[int] = ..., per_s: _Optional[float] = ..., target_ms: _Optional[int] = ...) -> None: ...

class PodStatus(_message.Message):
    __slots__ = ("pod", "pool", "model", "held", "at_ms", "leaving", "every_ms", "memory_bytes", "peak_bytes", "cache_bytes")
    class Held(_message.Message):
        __slots__ = ("version", "generation", "state", "reason", "signature", "sha256", "footprint", "in_memory", "last_ms", "passes", "rows", "loads", "load_ms")
        VERSION_FIELD_NUMBER: _ClassVar[int]
        GENERATION_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        SIGNATURE_FIELD_NUMBER: _ClassVar[int]
        SHA256_FIELD_NUMBER: _ClassVar[int]
        FOOTPRINT_FIELD_NUMBER: _ClassVar[int]
        IN_MEMORY_FIELD_NUMBER: _ClassVar[int]
        LAST_MS_FIELD_NUMBER: _ClassVar[int]
        PASSES_FIELD_NUMBER: _ClassVar[int]
        ROWS_FIELD_NUMBER: _ClassVar[int]
        LOADS_FIELD_NUMBER: _ClassVar[int]
        LOAD_MS_FIELD_NUMBER: _ClassVar[int]
        version: str
        generation: int
        state: _routing_pb2.VersionState
        reason: str
        signature: _routing_pb2.Signature
        sha256: str
        footprint: int
        in_memory: bool
        last_ms: int
        passes: int
        rows: int
        loads: int
        load_ms: int
        def __init__(self, version: _Optional[str] = ..., generation: _Optional[int] = ..., state: _Optional[_Union[_routing_pb2.VersionState, str]] = ..., reason: _Optional[str] = ..., signature: _Optional[_Union[_routing_pb2.Signature, _Mapping]] = ..., sha256: _Optional[str] = ..., footprint: _Optional[int] = ..., in_memory: bool = ..., last_ms: _Optional[int] = ..., passes: _Optional[int] = ..., rows: _Optional[int] = ..., loads: _Optional[int] = ..., load_ms: _Optional[int] = ...) -> None: ...
    POD_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    LEAVING_FIELD_NUMBER: _ClassVar[int]
    EVERY_MS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    PEAK_BYTES_FIELD_NUMBER: _ClassVar[int]
    CACHE_BYTES_FIELD_NUMBER: _ClassVar[int]
    pod: str
    pool: str
    model: str
    held: _containers.RepeatedCompositeFieldContainer[PodStatus.Held]
    at_ms: int
    leaving: bool
    every_ms: int
    memory_bytes: int
    peak_bytes: int
    cache_bytes: int
    def __init__(self, pod: _Optional[str] = ..., pool: _Optional[str] = ..., model: _Optional[str] = ..., held: _Optional[_Iterable[_Union[PodStatus.Held, _Mapping]]] = ..., at_ms: _Optional[int] = ..., leaving: bool = ..., every_ms: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., peak_bytes: _Optional[int] = ..., cache_bytes: _Optional[int] = ...) -> None: ...

class Pods(_message.Message):
    __slots__ = ("pods", "schema")
    PODS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    pods: _containers.RepeatedCompositeFieldContainer[PodStatus]
    schema: int
    def __init__(self, pods: _Optional[_Iterable[_Union[PodStatus, _Mapping]]] = ..., schema: _Optional[int] = ...) -> None: ...

class Seen(_message.Message):
    __slots__ = ("entries", "dropped")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    entries: bytes
    dropped: int
    def __init__(self, entries: _Optional[bytes] = ..., dropped: _Optional[int] = ...) -> None: ...

class Parked(_message.Message):
    __slots__ = ("batch", "attempt", "bytes", "count")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    batch: bytes
    attempt: int
    bytes: int
    count: int
    def __init__(self, batch: _Optional[bytes] = ..., attempt: _Optional[int] = ..., bytes: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class Diverted(_message.Message):
    __slots__ = ("batch", "version", "error", "epoch")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    batch: bytes
    version: str
    error: _inference_pb2.Error
    epoch: int
    def __init__(self, batch: _Optional[bytes] = ..., version: _Optional[str] = ..., error: _Optional[_Union[_inference_pb2.Error, _Mapping]] = ..., epoch: _Optional[int] = ...) -> None: ...

class Tick(_message.Message):
    __slots__ = ("generation", "due_ms", "late", "times_late", "suspected_ms")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    DUE_MS_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    TIMES_LATE_FIELD_NUMBER: _ClassVar[int]
    SUSPECTED_MS_FIELD_NUMBER: _ClassVar[int]
    generation: int
    due_ms: int
    late: bool
    times_late: int
    suspected_ms: int
    def __init__(self, generation: _Optional[int] = ..., due_ms: _Optional[int] = ..., late: bool = ..., times_late: _Optional[int] = ..., suspected_ms: _Optional[int] = ...) -> None: ...
