"""An event that was parked or discarded can be corrected: the same id, another content."""

import asyncio
from collections.abc import Sequence

import pytest

from event_contracts import Event
from service_kit.messaging.batch_processor import BatchProcessor
from service_kit.messaging.decoding import Incoming, read_record
from service_kit.messaging.event_log import Record
from service_kit.messaging.parking import ParkingLot
from service_kit.persistence.database import Database
from service_kit.testing.sample.service import GROUP, TYPES, SampleHandler, applied, count, order_event, subscription

pytestmark = pytest.mark.postgres


def written(event: Event, offset: int, value: bytes | None = None, partition: int = 0) -> Incoming:
    """A record with the event's id and key, and the event's data or other ones."""
    data = event.value() if value is None else value
    read = read_record(Record("orders", partition, offset, 0, event.key.encode(), data, event.headers()), TYPES)
    assert read is not None
    return read


async def consume(database: Database, records: Sequence[Incoming], handler: SampleHandler | None = None) -> None:
    await BatchProcessor(database, GROUP, subscription(handler).handle).process(records, asyncio.Event())


def lot_of(database: Database) -> ParkingLot:
    return ParkingLot(database, GROUP, subscription().handle)


@pytest.mark.parametrize("together", [True, False])
async def test_a_correction_takes_the_place_of_the_parked_event(database: Database, together: bool) -> None:
    event, later = order_event("k", 1), order_event("k", 2)
    records = [written(event, 0, b"{"), written(later, 1), written(event, 2)]
    if together:
        await consume(database, records)
    else:
        for record in records:
            await consume(database, [record])
    assert await count(database, "parked_event") == 2
    told = await lot_of(database).replay("orders", "k")
    assert (told.replayed, told.remaining, told.error) == (2, 0, None)
    assert await applied(database) == {"k": [1, 2]}, "at its own place, before what came after it"


async def test_the_same_record_again_is_no_correction(database: Database) -> None:
    event = order_event("k", 1)
    await consume(database, [written(event, 0, b"{")])
    await consume(database, [written(event, 0, b"{")])
    await consume(database, [written(event, 7, b"{")])
    [key] = await lot_of(database).list_keys()
    assert (key.events, key.offset) == (1, 0)


async def test_an_older_record_does_not_undo_a_correction(database: Database) -> None:
    event = order_event("k", 1)
    await consume(database, [written(event, 0, b"{"), written(event, 5)])
    await consume(database, [written(event, 0, b"{")])
    assert (await lot_of(database).replay("orders", "k")).error is None
    assert await applied(database) == {"k": [1]}


async def test_a_discarded_event_can_be_corrected_once_and_its_first_record_stays_discarded(database: Database) -> None:
    event = order_event("k", 1)
    await consume(database, [written(event, 0, b"{")])
    assert await lot_of(database).discard("orders", "k") == 1
    await consume(database, [written(event, 0, b"{")])
    assert await count(database, "parked_key") == 0
    await consume(database, [written(event, 1)])
    assert await applied(database) == {"k": [1]}
    await consume(database, [written(event, 0, b"{"), written(event, 1), written(event, 2)])
    assert await applied(database) == {"k": [1]}, "applied once"
    assert await count(database, "parked_key") == 0


@pytest.mark.parametrize("again", [1, 2])
async def test_a_correction_counts_that_comes_with_the_record_it_corrects(database: Database, again: int) -> None:
    refused = order_event("k", 1, reference="refused")
    corrected = order_event("k", 1, reference="corrected").value()
    handler = SampleHandler(dislikes=lambda event: getattr(event.payload, "reference", "") == "refused")
    await consume(database, [written(refused, 0)], handler)
    await lot_of(database).discard("orders", "k")
    other, later = order_event("j", 1), order_event("k", 2)
    await consume(
        database,
        [written(other, 1), *[written(refused, 0)] * again, written(refused, 2, corrected), written(later, 3)],
        handler,
    )
    assert await applied(database) == {"j": [1], "k": [1, 2]}
    assert await count(database, "parked_key") == 0
    assert await count(database, "discarded_event") == 0


async def test_a_correction_that_is_wrong_as_well_is_parked_and_can_be_corrected_again(database: Database) -> None:
    event = order_event("k", 1)
    await consume(database, [written(event, 0, b"{")])
    await lot_of(database).discard("orders", "k")
    await consume(database, [written(event, 1, b"[")])
    [key] = await lot_of(database).list_keys()
    assert key.offset == 1
    await consume(database, [written(event, 2)])
    assert (await lot_of(database).replay("orders", "k")).replayed == 1
    assert await applied(database) == {"k": [1]}


async def test_a_handler_s_refusal_can_be_corrected_too(database: Database) -> None:
    refused = order_event("k", 1, reference="refused")
    handler = SampleHandler(dislikes=lambda event: getattr(event.payload, "reference", "") == "refused")
    await consume(database, [written(refused, 0)], handler)
    await lot_of(database).discard("orders", "k")
    corrected = order_event("k", 1).value()
    await consume(database, [written(refused, 1, corrected)], handler)
    assert await applied(database) == {"k": [1]}


async def test_an_event_that_was_handled_cannot_be_corrected(database: Database) -> None:
    event = order_event("k", 1)
    await consume(database, [written(event, 0)])
    await consume(database, [written(event, 1, order_event("k", 1, reference="other").value())])
    assert await applied(database) == {"k": [1]}
