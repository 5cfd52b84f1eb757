"""A real broker for the tests of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from pointsman import topics
from pointsman.localstack import enginefiles
from pointsman.localstack import topics as topic_creation
from pointsman.localstack.home import Home
from pointsman.localstack.kafka import Broker
from pointsman.localstack.ports import reserve
from tests.integration.responder import Responder


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Yield a broker with all topics."""
    home = Home(tmp_path_factory.mktemp("broker"))
    home.create()
    with asyncio.Runner() as runner:
        made = Broker(home, enginefiles.ensure(), reserve(), reserve())
        try:
            runner.run(made.start())
            topic_creation.create(made.address, topics.TABLE)
            yield made
        finally:
            runner.run(made.stop())


@pytest.fixture(scope="module")
def kafka(broker: Broker) -> str:
    """Return the address of a broker with all topics."""
    return broker.address


@pytest.fixture
def responder(kafka: str) -> Iterator[Responder]:
    """Start a responder at the ends of the topics."""
    made = Responder(kafka)
    yield made
    made.close()
