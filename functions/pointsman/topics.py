"""Every topic in one table: its name, its partitions, how long it keeps records, how large they may be."""

from __future__ import annotations

from typing import Final

import msgspec

KIB: Final = 1024
MIB: Final = 1024 * KIB
DAY_MS: Final = 24 * 3600 * 1000

# What a transaction wrote is gone once it is open for so long. A request is gone from its topic then too.
TRANSACTION_MS: Final = 7 * DAY_MS

# A request may not be larger; responses and dead letters may be four times as large.
MAX_REQUEST_BYTES: Final = 256 * KIB
MAX_OUTPUT_BYTES: Final = 4 * MIB
# A topic's limit holds for a whole batch, which librdkafka would otherwise let grow to 1 MB.
PRODUCER_BATCH_BYTES: Final = MAX_REQUEST_BYTES - 4096


class Topic(msgspec.Struct, frozen=True):
    """One row of the table. `format` is what the ingress adapter is told; empty for topics it never reads.

    With `broker_time` a record's timestamp is the broker's, not its producer's.
    """

    name: str
    partitions: int
    retention_ms: int
    max_bytes: int
    compacted: bool = False
    format: str = ""
    broker_time: bool = False


REQUESTS: Final = "pointsman.requests"
REQUESTS_JSON: Final = "pointsman.requests.json"
INTERACTIVE: Final = "pointsman.interactive"
CONTROL: Final = "pointsman.control"
FEEDBACK: Final = "pointsman.feedback"
STATUS: Final = "pointsman.status"
RESPONSES: Final = "pointsman.responses"
EVENTS: Final = "pointsman.events"
ROUTES: Final = "pointsman.routes"
DEAD_LETTERS: Final = "pointsman.dead-letters"
GATEWAYS: Final = "pointsman.gateways"

TABLE: Final[tuple[Topic, ...]] = (
    Topic(REQUESTS, 4, 7 * DAY_MS, MAX_REQUEST_BYTES, format="protobuf"),
    Topic(REQUESTS_JSON, 4, 7 * DAY_MS, MAX_REQUEST_BYTES, format="json"),
    Topic(INTERACTIVE, 4, 1 * DAY_MS, MAX_REQUEST_BYTES, format="protobuf"),
    Topic(CONTROL, 1, -1, MAX_REQUEST_BYTES, format="json"),
    Topic(FEEDBACK, 4, 7 * DAY_MS, MAX_REQUEST_BYTES, format="json"),
    Topic(STATUS, 1, 1 * DAY_MS, MAX_REQUEST_BYTES, format="protobuf"),
    Topic(RESPONSES, 64, 1 * DAY_MS, MAX_OUTPUT_BYTES),
    Topic(EVENTS, 1, 7 * DAY_MS, MAX_OUTPUT_BYTES),
    Topic(ROUTES, 1, -1, MAX_OUTPUT_BYTES, compacted=True),
    Topic(DEAD_LETTERS, 4, 30 * DAY_MS, MAX_OUTPUT_BYTES),
    Topic(GATEWAYS, 1, DAY_MS, MAX_REQUEST_BYTES, broker_time=True),
)
RETENTION_MS: Final = {topic.name: topic.retention_ms for topic in TABLE}
