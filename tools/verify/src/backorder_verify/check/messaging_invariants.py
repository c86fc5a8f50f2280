"""Events between the services: none is lost, none is stuck."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg

from backorder_local.services import SERVICE_NAMES
from backorder_local.topics import CONSUMED
from backorder_verify.check.handled_types import HANDLED_TYPES
from backorder_verify.check.snapshot import SystemSnapshot
from backorder_verify.check.system_invariant import FindViolations, SystemInvariant
from backorder_verify.check.topics import RecordPlace, event_ids, lags
from service_kit.persistence.invariant import Violation

_GRACE_SECONDS = 5.0
"""An outbox row lives for milliseconds; one that is still there after this long is stuck."""


def _in_every_database(query: str) -> FindViolations:
    async def violations(snapshot: SystemSnapshot) -> AsyncIterator[Violation]:
        for service in SERVICE_NAMES:
            async for row in snapshot.rows(service, query):
                yield {"service": service, **row}

    return violations


async def _outbox_is_empty(snapshot: SystemSnapshot) -> AsyncIterator[Violation]:
    deadline = asyncio.get_running_loop().time() + _GRACE_SECONDS
    for service in SERVICE_NAMES:
        async with snapshot.current(service) as connection:
            stuck = await _outbox_ids(connection)
            # Only rows that were there at the first look count; later ones are current traffic.
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


async def _no_lag(snapshot: SystemSnapshot) -> AsyncIterator[Violation]:
    deadline = asyncio.get_running_loop().time() + _GRACE_SECONDS
    behind = await lags(snapshot.bootstrap, prefix=snapshot.topic_prefix)
    while behind and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.25)
        behind = await lags(snapshot.bootstrap, prefix=snapshot.topic_prefix)
    for lag in behind:
        yield {"group": lag.group, "topic": lag.topic, "partition": lag.partition, "records": lag.records}


async def _every_record_was_handled(snapshot: SystemSnapshot) -> AsyncIterator[Violation]:
    for topic in sorted({topic for read in CONSUMED.values() for topic in read}):
        readers = [service for service, read in CONSUMED.items() if topic in read]
        types = frozenset().union(*(HANDLED_TYPES[service] for service in readers))
        name = f"{snapshot.topic_prefix}{topic}"
        places = await event_ids(
            snapshot.bootstrap, name, types, prefix=snapshot.topic_prefix, since=snapshot.inbox_horizon
        )
        for service in readers:
            missing = {event_id for event_id, place in places.items() if place.event in HANDLED_TYPES[service]}
            async with snapshot.current(service) as connection, connection.transaction():
                async for row in connection.cursor("SELECT event_id FROM inbox", prefetch=10_000):
                    missing.discard(row["event_id"])
            for event_id in sorted(missing):
                yield _unhandled(service, event_id, places[event_id])


def _unhandled(service: str, event_id: str, place: RecordPlace) -> Violation:
    return {
        "consumer": service,
        "event_id": event_id,
        "event": place.event,
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
    }


MESSAGING_INVARIANTS = (
    SystemInvariant(
        "outbox empty",
        "Every event that a service wrote has been sent; otherwise the other services never learn of it.",
        _outbox_is_empty,
    ),
    SystemInvariant(
        "lag 0",
        "Every consumer group has read its topics to the end; otherwise a service works on outdated facts.",
        _no_lag,
    ),
    SystemInvariant(
        "nothing parked",
        "No key, no event and no background work is set aside; otherwise an order or a SKU stands still until a"
        " person acts.",
        _in_every_database(
            """
            SELECT consumer, topic, key, error, parked_at FROM parked_key
            UNION ALL SELECT consumer, topic, key, error, parked_at FROM parked_event
            UNION ALL SELECT 'background', task, item, error, parked_at FROM parked_work
            """
        ),
    ),
    SystemInvariant(
        "every record handled",
        "The inbox of every consumer has each record of its topics whose type it handles and that is not older than"
        " its horizon; otherwise an event was lost.",
        _every_record_was_handled,
    ),
)
