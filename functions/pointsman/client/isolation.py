"""What a consumer sees of transactions."""

from __future__ import annotations


def isolation(committed: bool) -> str:
    """Return Kafka's `isolation.level`. librdkafka's own default is to read committed records only."""
    return "read_committed" if committed else "read_uncommitted"
