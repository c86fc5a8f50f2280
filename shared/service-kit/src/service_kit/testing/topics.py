"""Topics of one test on a real broker, under a prefix that only this test uses."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from event_contracts import Topic
from service_kit.messaging.kafka import ClientTiming, KafkaEventLog

KAFKA_VARIABLE = "BACKORDER_TEST_KAFKA"

QUICK = ClientTiming(session=3_000, heartbeat=200, rebalance=10_000, request=5_000, linger=1)
"""So that the consumer groups of tests rebalance quickly."""


@dataclass(frozen=True)
class KafkaTopics:
    """Where the topics are. It has the attributes of settings that ``KafkaEventLog`` needs."""

    kafka_bootstrap: str
    topic_prefix: str
    kafka_security_protocol: str = "PLAINTEXT"
    kafka_sasl_mechanism: str = "SCRAM-SHA-512"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: str | None = None
    kafka_ca_path: Path | None = None

    def event_log(self, timing: ClientTiming = QUICK) -> KafkaEventLog:
        """The log that holds these topics."""
        return KafkaEventLog(self, timing)

    async def create(self, names: Sequence[str] = (), partitions: int = 3) -> None:
        """Create topics (without ``names`` all public ones) under the prefix. RuntimeError if the broker refuses."""
        await _create(
            self.kafka_bootstrap,
            {self.topic_prefix + name: partitions for name in names or [topic.value for topic in Topic]},
        )

    async def delete(self) -> None:
        """Remove every topic under the prefix."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka_bootstrap)
        await admin.start()
        try:
            mine = [topic for topic in await admin.list_topics() if topic.startswith(self.topic_prefix)]
            if mine:
                await admin.delete_topics(mine)
        finally:
            await admin.close()


def new_topics(bootstrap: str | None = None) -> KafkaTopics:
    """A new prefix on the test broker (or on ``bootstrap``); no topic is created yet."""
    address = bootstrap or os.environ.get(KAFKA_VARIABLE)
    if not address:
        raise RuntimeError(f"{KAFKA_VARIABLE} is not set: name a Kafka broker for tests")
    return KafkaTopics(address, f"t{uuid.uuid4().hex[:10]}.")


async def _create(bootstrap: str, wanted: dict[str, int]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(name, count, 1) for name, count in wanted.items()])
    finally:
        await admin.close()
    refused = [told for told in answer.to_object()["topic_errors"] if told["error_code"] not in (0, 36)]
    if refused:
        raise RuntimeError(f"topics not created: {refused}")
