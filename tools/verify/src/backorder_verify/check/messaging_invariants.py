"""What must hold of the messages between the services: none lost, none left lying, none told twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg

from backorder_local.services import SERVICE_NAMES
from backorder_local.topics import CONSUMED
from backorder_verify.check.handled_types import HANDLED_TYPES
from backorder_verify.check.invariant import Check, Invariant, Offender, Reading, in_one_database
from backorder_verify.check.topics import RecordPlace, event_ids, lags

_GRACE_SECONDS = 5.0
"""A row of the outbox lives for milliseconds; one that is still there after this is stuck."""


def _in_every_database(query: str) -> Check:
    async def check(reading: Reading) -> AsyncIterator[Offender]:
        for service in SERVICE_NAMES:
            async for row in reading.rows(service, query):
                yield {"service": service, **row}

    return check


async def _outbox_is_empty(reading: Reading) -> AsyncIterator[Offender]:
    deadline = asyncio.get_running_loop().time() + _GRACE_SECONDS
    for service in SERVICE_NAMES:
        async with reading.now(service) as connection:
            stuck = await _outbox_ids(connection)
            # Only rows that were there at the first look count: others are the traffic of the moment.
            while stuck and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.1)
                stuck &= await _outbox_ids(connection)
            rows = await connection.fetch(
                "SELECT id, topic, key, event_id, created_at FROM outbox WHERE id = ANY($1::bigint[]) ORDER BY id",
                sorted(stuck),
            )
        for row in rows:
            yield {"service": service, **row}


async def _outbox_ids(connection: asyncpg.Connection) -> set[int]:
    return {row["id"] for row in await connection.fetch("SELECT id FROM outbox")}


async def _no_lag(reading: Reading) -> AsyncIterator[Offender]:
    deadline = asyncio.get_running_loop().time() + _GRACE_SECONDS
    behind = await lags(reading.bootstrap, prefix=reading.topic_prefix)
    while behind and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.25)
        behind = await lags(reading.bootstrap, prefix=reading.topic_prefix)
    for lag in behind:
        yield {"group": lag.group, "topic": lag.topic, "partition": lag.partition, "records": lag.records}


async def _every_record_was_handled(reading: Reading) -> AsyncIterator[Offender]:
    for topic in sorted({topic for read in CONSUMED.values() for topic in read}):
        readers = [service for service, read in CONSUMED.items() if topic in read]
        types = frozenset().union(*(HANDLED_TYPES[service] for service in readers))
        name = f"{reading.topic_prefix}{topic}"
        places = await event_ids(reading.bootstrap, name, types, since=reading.inbox_horizon)
        for service in readers:
            missing = {event_id for event_id, place in places.items() if place.event in HANDLED_TYPES[service]}
            async with reading.now(service) as connection, connection.transaction():
                async for row in connection.cursor("SELECT event_id FROM inbox", prefetch=10_000):
                    missing.discard(row["event_id"])
            for event_id in sorted(missing):
                yield _unhandled(service, event_id, places[event_id])


def _unhandled(service: str, event_id: str, place: RecordPlace) -> Offender:
    return {
        "consumer": service,
        "event_id": event_id,
        "event": place.event,
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
    }


MESSAGING_INVARIANTS = (
    Invariant("outbox empty", "every event that was written has been sent", _outbox_is_empty),
    Invariant("lag 0", "every consumer group has read its topics to the end", _no_lag),
    Invariant(
        "nothing parked",
        "no key and no event is parked at any consumer",
        _in_every_database(
            """
            SELECT consumer, topic, key, error, parked_at FROM parked_key
            UNION ALL SELECT consumer, topic, key, error, parked_at FROM parked_event
            """
        ),
    ),
    Invariant(
        "every record handled",
        "every topic record of a handled type is in the inbox of each of its consumers, or older than its horizon",
        _every_record_was_handled,
    ),
    Invariant(
        "one message an event",
        "one message per (event, recipient, template); a resend that was asked for says so",
        in_one_database(
            "notification",
            """
            SELECT cause, contact_id, template, channel, count(*) AS messages, min(order_id) AS order_id
            FROM notification WHERE resend_of IS NULL
            GROUP BY cause, contact_id, template, channel HAVING count(*) > 1
            """,
        ),
    ),
)
