"""Creates the topics; also the init step of a deployment: `python -m pointsman.localstack.topics`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from pointsman import settings as settings_module
from pointsman.core.ids import GRAMMAR, is_name
from pointsman.errors import PointsmanError, SettingsError, StackError
from pointsman.localstack.child import POLL_S
from pointsman.outputs import has_transactions, outputs_of
from pointsman.settings import Settings
from pointsman.topics import (
    DAY_MS,
    MAX_OUTPUT_BYTES,
    MAX_REQUEST_BYTES,
    REQUESTS,
    REQUESTS_JSON,
    RESPONSES,
    TABLE,
    TRANSACTION_MS,
    Topic,
)

OWN_PARTITIONS = 4
OWN_RETENTION_MS = 7 * DAY_MS
FORMATS = ("json", "protobuf")
_LONGEST = "transaction.max.timeout.ms"


def wanted(settings: Settings) -> tuple[Topic, ...]:
    """Return the table and the settings' own inputs and outputs. Raises SettingsError on a bad one."""
    own = [input_topic(text) for text in settings.inputs]
    read = {REQUESTS, REQUESTS_JSON, *(topic.name for topic in own)}
    if unread := set(settings.deduplicate) - read:
        raise SettingsError(f"deduplicate: {', '.join(sorted(unread))} is no request topic")
    outputs = [
        Topic(name, OWN_PARTITIONS, OWN_RETENTION_MS, MAX_OUTPUT_BYTES)
        for name in outputs_of(settings.outputs)
        if name != RESPONSES
    ]
    return (*TABLE, *own, *outputs)


def input_topic(text: str) -> Topic:
    """Return the topic of an input written as TOPIC=FORMAT[:MODEL]; `format` keeps the part after `=`."""
    name, _, declared = text.partition("=")
    if not name or declared.partition(":")[0] not in FORMATS:
        raise SettingsError(
            f"input {text!r} must be TOPIC=FORMAT[:MODEL], FORMAT one of {', '.join(FORMATS)}"
        )
    model = declared.partition(":")[2]
    if model and not is_name(model):
        raise SettingsError(f"input {text!r}: a model's name is {GRAMMAR}")
    return Topic(name, OWN_PARTITIONS, OWN_RETENTION_MS, MAX_REQUEST_BYTES, format=declared)


def create(kafka: str, topics: Iterable[Topic], timeout_s: float = 60.0) -> list[str]:
    """Create those that are missing and return their names; the others stay as they are.

    On return each partition has its leader and can be written and read. Raises StackError where the
    broker does not answer or refuses.
    """
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    wanted_topics = tuple(topics)
    try:
        present = admin.list_topics(timeout=timeout_s).topics
        missing = [_new(topic) for topic in wanted_topics if topic.name not in present]
        futures = admin.create_topics(missing, operation_timeout=timeout_s) if missing else {}
        created = [name for name, future in futures.items() if _created(future.exception())]
        _await_leaders(admin, {topic.name for topic in wanted_topics}, time.monotonic() + timeout_s)
        return created
    except KafkaException as error:
        raise StackError(f"topics cannot be created on {kafka}: {error.args[0].str()}") from error


def check_transactions(kafka: str, timeout_s: float = 10.0) -> None:
    """Raise StackError where the brokers would refuse transactions that may be open for so long.

    The job would start over for ever.
    """
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    try:
        broker = str(next(iter(admin.list_topics(timeout=timeout_s).brokers)))
        asked = ConfigResource(ResourceType.BROKER, broker)
        config = admin.describe_configs([asked], request_timeout=timeout_s)[asked].result()
    except KafkaException as error:
        raise StackError(f"{kafka} does not tell its settings: {error.args[0].str()}") from error
    most = int(config[_LONGEST].value)
    if most < TRANSACTION_MS:
        raise StackError(
            f"{kafka} has {_LONGEST}={most}; outputs that are exactly-once need {TRANSACTION_MS}"
        )


def _await_leaders(admin: AdminClient, names: set[str], limit: float) -> None:
    while without := _without_leader(admin, names):
        if time.monotonic() > limit:
            raise StackError(f"the broker does not lead its topics {', '.join(sorted(without))}")
        time.sleep(POLL_S)


def _without_leader(admin: AdminClient, names: set[str]) -> set[str]:
    """Return the topics that cannot be used yet: metadata name a leader before it knows that it is one."""
    present = admin.list_topics(timeout=5).topics
    asked = {
        TopicPartition(name, number): OffsetSpec.latest()
        for name in names & present.keys()
        for number in present[name].partitions
    }
    answers = admin.list_offsets(asked, request_timeout=5)
    refused = {str(place.topic) for place, answer in answers.items() if answer.exception()}
    return refused.union(names.difference(present))


def _created(error: BaseException | None) -> bool:
    if error is None:
        return True
    # Somebody else was quicker: two init steps may run at once.
    if isinstance(error, KafkaException) and error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
        return False
    raise error


def _new(topic: Topic) -> NewTopic:
    config = {"retention.ms": str(topic.retention_ms), "max.message.bytes": str(topic.max_bytes)}
    if topic.compacted:
        config["cleanup.policy"] = "compact"
    if topic.broker_time:
        config["message.timestamp.type"] = "LogAppendTime"
    return NewTopic(topic.name, num_partitions=topic.partitions, config=config)


def main() -> int:
    """Create the topics of the settings in the environment; retries for a minute while the broker starts."""
    try:
        settings = settings_module.load()
        created = _create_patiently(settings, time.monotonic() + 60)
    except PointsmanError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"created: {', '.join(created) or 'none, all were there'}\n")
    return 0


def _create_patiently(settings: Settings, limit: float) -> list[str]:
    topics = wanted(settings)
    while True:
        try:
            created = create(settings.kafka, topics, timeout_s=5)
        except StackError:
            if time.monotonic() > limit:
                raise
        else:
            if has_transactions(settings.outputs):
                check_transactions(settings.kafka)
            return created


if __name__ == "__main__":
    sys.exit(main())
