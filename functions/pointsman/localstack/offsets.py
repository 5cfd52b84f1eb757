"""Where the request ingress goes on: the offsets of its consumer group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pointsman.errors import StackError

# As in module.yaml.
GROUP: Final = "pointsman"
_WITHIN_S: Final = 30.0


def set_back(kafka: str, topics: Iterable[str], moment_ms: int) -> int:
    """Let the group go on at the records of a moment where it is further; return how many are read again.

    The group must have no running job. Raises StackError where Kafka does not answer.
    """
    consumer = Consumer(
        {"bootstrap.servers": kafka, "group.id": GROUP, "enable.auto.commit": False, "log_level": 0}
    )
    try:
        known = consumer.list_topics(timeout=_WITHIN_S).topics
        places = [
            TopicPartition(name, number, moment_ms) for name in topics for number in known[name].partitions
        ]
        then = consumer.offsets_for_times(places, timeout=_WITHIN_S)
        now = consumer.committed(places, timeout=_WITHIN_S)
        back = {
            (old.topic, old.partition): (old.offset, new.offset)
            for old, new in zip(then, now, strict=True)
            if 0 <= old.offset < new.offset
        }
        if back:
            offsets = [TopicPartition(*place, first) for place, (first, _) in back.items()]
            consumer.commit(offsets=offsets, asynchronous=False)
        return sum(last - first for first, last in back.values())
    except KafkaException as error:
        raise StackError(f"the offsets of group {GROUP} cannot be set: {error.args[0].str()}") from error
    finally:
        consumer.close()
