"""An event that comes again is handled once, whatever its type: the inbox knows no exceptions."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import Event
from event_contracts.catalog import EVENT_TYPES
from event_contracts.samples import sample_events
from service_kit.messaging.batch_processor import BatchProcessor
from service_kit.messaging.decoding import Incoming, read_record
from service_kit.messaging.event_log import Record
from service_kit.persistence.database import Database

pytestmark = pytest.mark.postgres


def delivered(event: Event, offset: int) -> Incoming:
    record = Record(event.topic, 0, offset, 0, event.key.encode(), event.value(), event.headers())
    incoming = read_record(record, frozenset(EVENT_TYPES))
    assert incoming is not None
    assert incoming.error is None
    return incoming


@pytest.mark.parametrize("name", EVENT_TYPES)
async def test_every_type_of_event_is_handled_once(database: Database, name: str) -> None:
    event = sample_events()[name]
    handled: list[str] = []

    async def handle(conn: AsyncConnection, events: Sequence[Event]) -> None:
        del conn
        handled.extend(one.name for one in events)

    processor = BatchProcessor(database, "redelivery", handle)
    await processor.process([delivered(event, 0), delivered(event, 1)], asyncio.Event())
    await processor.process([delivered(event, 2)], asyncio.Event())
    assert handled == [name]
