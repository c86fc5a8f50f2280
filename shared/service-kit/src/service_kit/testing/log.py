"""Writes records to an event log and reads them back, without outbox and consumer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from event_contracts import Event
from service_kit.messaging.event_log import EventLog, Headers, Record
from service_kit.testing.eventually import eventually


async def send_events(event_log: EventLog, events: Sequence[Event]) -> None:
    """Write events in this order and wait until the log has them."""
    producer = event_log.producer()
    await producer.start()
    acks = [await producer.send(e.topic, e.key.encode(), e.value(), e.headers()) for e in events]
    await asyncio.gather(*acks)
    await producer.stop()


async def send_record(
    event_log: EventLog, key: bytes | None, value: bytes | None, headers: Headers, topic: str = "orders"
) -> None:
    """Write one record of any content."""
    producer = event_log.producer()
    await producer.start()
    await (await producer.send(topic, key, value, headers))
    await producer.stop()


async def read_topic(event_log: EventLog, topic: str, different: int, *, timeout: float = 20) -> list[Record]:
    """The records of a topic from its beginning, repeats included, once ``different`` event ids are among them."""
    source = event_log.source(f"reader-of-{topic}", [topic], _nothing_to_finish)
    await source.start()
    found: list[Record] = []

    async def enough() -> bool:
        found.extend(await source.poll(0.2, 500))
        return len({dict(record.headers)["ce_id"] for record in found}) >= different

    try:
        await eventually(enough, timeout)
    finally:
        await source.stop()
    return found


async def _nothing_to_finish() -> None:
    pass
