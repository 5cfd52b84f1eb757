"""Follows the routes topic from its beginning."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from pointsman import topics
from pointsman.core.table import RouteTable
from pointsman.pod.backlog import Backlog

log = logging.getLogger(__name__)

OnTable = Callable[[str, RouteTable | None], None]

_WAIT_S: Final = 0.2  # for records; also the longest that stopping takes
_BATCH: Final = 500


class Follower:
    """Calls `on_table(model, table)` on the event loop for each new table; None is a model that is gone.

    `caught_up` says that all tables there were have been told.
    """

    def __init__(self, kafka: str, on_table: OnTable, topic: str = topics.ROUTES) -> None:
        self.caught_up = False
        self._kafka = kafka
        self._topic = topic
        self._on_table = on_table
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, on a thread of its own. An absent broker or topic is waited for."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._follow, args=(loop,), name="follow", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End, and return when the thread has."""
        self._stopped.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self._kafka,
                "group.id": "pointsman-pods",  # required, but never joined: partitions are assigned by hand
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,  # the end of a partition is told only when a fetch has waited
            },
            logger=log,
        )
        try:
            backlog = Backlog(self._assign(consumer))
            was_read = False
            while not self._stopped.is_set():
                first = consumer.poll(_WAIT_S)  # `consume` alone would wait for a whole batch
                tables = backlog.take([first, *consumer.consume(_BATCH, 0)] if first is not None else [])
                if tables or backlog.is_read is not was_read:
                    was_read = backlog.is_read
                    loop.call_soon_threadsafe(self._tell, tables)
        except RuntimeError as error:
            log.debug("the event loop ended first: %s", error)
        except Exception:
            # A pod that announces but no longer follows would hold old versions for ever: replace it.
            log.exception("following the routes topic broke")
            os._exit(os.EX_SOFTWARE)
        finally:
            consumer.close()

    def _assign(self, consumer: Consumer) -> list[int]:
        """Wait for the topic, assign all its partitions, and return them."""
        while not self._stopped.is_set():
            try:
                found = list(consumer.list_topics(self._topic, timeout=5).topics[self._topic].partitions)
            except KafkaException as error:
                log.warning("no broker at %s: %s", self._kafka, error)
                found = []
            if found:
                consumer.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in found])
                return found
            self._stopped.wait(_WAIT_S)
        return []

    def _tell(self, tables: Mapping[str, RouteTable | None]) -> None:
        for model, table in tables.items():
            self._on_table(model, table)
        self.caught_up = True
