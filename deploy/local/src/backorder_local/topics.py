"""The topics of the event log and who reads them."""

import asyncio
from collections.abc import Iterable, Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

TOPICS = ("orders", "inventory", "allocations", "notifications")
CONSUMED: Mapping[str, tuple[str, ...]] = {
    "order": ("allocations", "inventory", "notifications"),
    "inventory": ("orders",),
    "allocation": ("orders", "inventory"),
    "notification": ("orders", "inventory", "allocations"),
}
"""Consumer group → the topics it reads."""

PARTITIONS = 12
_ALREADY_EXISTS = 36


class TopicsNotCreated(RuntimeError):
    """The broker refused to create topics; the message says which and why."""


def dead_letter_topics() -> list[str]:
    """One for each topic that a group reads, `<topic>.<group>.dlq`."""
    return [f"{topic}.{group}.dlq" for group, topics in CONSUMED.items() for topic in topics]


async def create_topics(
    bootstrap: str, partitions: int = PARTITIONS, extra: Iterable[str] = (), replication: int = 1
) -> list[str]:
    """Create every topic that is missing and return their names; those that exist are left as they are.

    Dead-letter topics have one partition: they are read by people, in order of arrival.
    """
    wanted = dict.fromkeys((*TOPICS, *extra), partitions) | dict.fromkeys(dead_letter_topics(), 1)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        answer = await admin.create_topics(
            [NewTopic(name, count, replication) for name, count in wanted.items()], timeout_ms=30_000
        )
    finally:
        await admin.close()
    # The call does not raise: each topic's fate is in the answer.
    outcomes = answer.to_object()["topic_errors"]
    if refused := [told for told in outcomes if told["error_code"] not in (0, _ALREADY_EXISTS)]:
        raise TopicsNotCreated("; ".join(f"{told['topic']}: {told['error_message']}" for told in refused))
    return [told["topic"] for told in outcomes if told["error_code"] == 0]


async def warm_group_coordinator(bootstrap: str, within: float = 20.0) -> None:
    """Have the broker lay out where it keeps consumers' offsets, which the first group ever would wait for."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        async with asyncio.timeout(within):
            while True:
                try:
                    await admin.list_consumer_group_offsets(next(iter(CONSUMED)))
                    return
                except KafkaError:
                    await asyncio.sleep(0.05)
    finally:
        await admin.close()
