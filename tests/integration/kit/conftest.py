"""What the kit's integration tests share: the sample's database, and the event log in both its forms."""

import pytest

from service_kit.messaging import consumer, relay
from service_kit.messaging.event_log import EventLog
from service_kit.persistence.database import Database
from service_kit.testing.fixtures import ServiceDatabase
from service_kit.testing.in_memory_event_log import InMemoryEventLog
from service_kit.testing.topics import KafkaTopics


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that is told to stop finishes its poll first, and what failed is tried again after a pause."""
    monkeypatch.setattr(consumer, "_POLL", 0.05)
    monkeypatch.setattr(consumer, "_RESTART_PAUSES", (0.02, 0.5))
    monkeypatch.setattr(relay, "_PAUSES", (0.02, 0.5))


@pytest.fixture
async def database(service_database: ServiceDatabase) -> Database:
    """The sample service's database, empty."""
    return await service_database("service_kit.testing.sample")


@pytest.fixture
async def kafka_log(kafka_topics: KafkaTopics) -> EventLog:
    """The real broker, with the sample's dead-letter topic."""
    await kafka_topics.create(["orders.sample.dlq"], partitions=1)
    return kafka_topics.event_log()


@pytest.fixture(params=["memory", "kafka"])
def bus(request: pytest.FixtureRequest) -> EventLog:
    """The event log: each test that asks for it runs on the fake and on the real broker."""
    log: EventLog = InMemoryEventLog() if request.param == "memory" else request.getfixturevalue("kafka_log")
    return log
