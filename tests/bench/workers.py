"""Worker processes of allocation that work off a backlog, all starting at one moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil
from sqlalchemy import text
from tests.bench.ground import CoreShares

from event_contracts import Event
from service_kit.messaging.kafka import ClientTiming
from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually
from service_kit.testing.topics import KafkaTopics

PRODUCTION = ClientTiming()
"""The services' own timing, not the quick one of tests."""

_LOCKED = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@dataclass(frozen=True)
class Drained:
    """How a backlog went: seconds, cores kept busy by group, and how many workers waited for a lock on average."""

    seconds: float
    busy: Mapping[str, float]
    waiting_for_locks: float

    def cores(self) -> str:
        """``cores busy: postgres 0.52, workers 0.71``."""
        return "cores busy: " + ", ".join(f"{name} {share:.2f}" for name, share in sorted(self.busy.items()))


async def drain(
    database: Database,
    topics: KafkaTopics,
    events: Sequence[Event],
    processes: Mapping[str, Sequence[psutil.Process]],
) -> Drained:
    """What the workers make of the events, from a common start until the last answer is relayed.

    The workers run already. A lock on their inbox holds them back until the whole backlog lies in the
    topic: neither their start nor the sending is measured.
    """
    before = await _handled(database)
    async with database.engine.begin() as gate:
        await gate.execute(text("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE"))
        await produce(topics, events)
    cores, began = CoreShares(processes), time.perf_counter()
    locked: list[int] = []

    async def done() -> bool:
        async with database.engine.connect() as conn:
            locked.append(int((await conn.execute(_LOCKED)).scalar_one()))
        return await is_empty(database) and await _handled(database) >= before + len(events)

    await eventually(done, 120, every=0.025)
    seconds = time.perf_counter() - began
    return Drained(seconds, cores.shares(), sum(locked) / len(locked))


async def produce(topics: KafkaTopics, events: Sequence[Event]) -> float:
    """Seconds to send events with the settings of the services, 500 at a time, every acknowledgement awaited."""
    records = [(event.topic, event.key.encode(), event.value(), event.headers()) for event in events]
    producer = topics.event_log(PRODUCTION).producer()
    await producer.start()
    try:
        began = time.perf_counter()
        for start in range(0, len(records), 500):
            await asyncio.gather(*[await producer.send(*record) for record in records[start : start + 500]])
        return time.perf_counter() - began
    finally:
        await producer.stop()


async def is_empty(database: Database) -> bool:
    """Whether nothing waits in the outbox."""
    async with database.reading() as conn:
        return not (await conn.execute(text("SELECT EXISTS (SELECT FROM outbox)"))).scalar_one()


async def _handled(database: Database) -> int:
    async with database.reading() as conn:
        return int((await conn.execute(text("SELECT count(*) FROM inbox"))).scalar_one())
