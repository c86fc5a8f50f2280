"""While the database cannot be used nothing is parked and nothing is lost, whatever it says of itself meanwhile."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url

from event_contracts import Event
from service_kit.messaging.batch_processor import BatchProcessor
from service_kit.messaging.consumer import Consumer
from service_kit.messaging.metrics import HANDLER_ERRORS
from service_kit.messaging.parking import ParkingLot
from service_kit.messaging.subscription import Subscription
from service_kit.persistence.database import Database
from service_kit.testing.eventually import eventually
from service_kit.testing.in_memory_event_log import InMemoryEventLog
from service_kit.testing.log import send_events
from service_kit.testing.running import running
from service_kit.testing.sample.service import (
    GROUP,
    SampleHandler,
    applied,
    count,
    expected,
    order_event,
    order_events,
    subscription,
    unit_of_work,
)
from service_kit.testing.topics import new_topics

pytestmark = pytest.mark.postgres

PASSING = (
    "08000", "08003", "08006", "0A000", "25006", "25P02", "26000", "28000", "28P01", "3D000", "3F000", "40001", "40P01",
    "42501", "42P01", "42703", "53000", "53100", "53200", "53300", "53400", "55000", "55P03", "57000", "57014", "57P01",
    "57P02", "57P03", "58000", "58030", "P0001", "XX000", "XX001", "XX002",
)  # fmt: skip
OF_DATA = ("22001", "22003", "22021", "22P02", "23502", "23503", "23505", "23514", "54000")

PAUSE = 0.05
"""Seconds between two tries, at most: how often something is tried is counted here, not for how long."""

Outage = Callable[[Database], Any]


def under_test(database: Database, log: InMemoryEventLog, handler: SampleHandler | None = None) -> Consumer:
    return Consumer(database, new_topics("unused:1"), subscription(handler), GROUP, event_log=log, longest_pause=PAUSE)


@asynccontextmanager
async def administering(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the server's own database, with the rights that made the test's."""
    url = make_url(database.url)
    connection = await asyncpg.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, database="postgres",
    )  # fmt: skip
    try:
        yield connection
    finally:
        await connection.close()


async def raise_from_now_on(database: Database, state: str) -> None:
    async with database.transaction() as conn:
        await conn.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{state}'; END $$"
        )
        await conn.exec_driver_sql("CREATE TRIGGER refuse BEFORE INSERT ON applied EXECUTE FUNCTION refuse()")


async def raise_no_more(database: Database) -> None:
    async with database.transaction() as conn:
        await conn.exec_driver_sql("DROP FUNCTION refuse CASCADE")


@pytest.mark.parametrize("state", PASSING)
async def test_no_state_of_the_server_parks_an_event(database: Database, state: str) -> None:
    log, handler = InMemoryEventLog(), SampleHandler()
    events = order_events(keys=6, each=10)
    async with running(under_test(database, log, handler).run):
        await send_events(log, events[:20])
        await eventually(lambda: is_applied(database, events[:20]), 20)
        await raise_from_now_on(database, state)
        tries = len(handler.batches)
        await send_events(log, events[20:])
        # Enough tries to have parked it, had it been held against the events.
        await eventually(lambda: len(handler.batches) >= tries + 6, 30)
        await raise_no_more(database)
        await eventually(lambda: is_applied(database, events), 30)
    assert await count(database, "parked_key") == 0


@pytest.mark.parametrize("state", OF_DATA)
async def test_what_is_the_data_s_fault_parks_the_key(database: Database, state: str) -> None:
    log = InMemoryEventLog()
    await raise_from_now_on(database, state)
    await send_events(log, [order_event("k", 1)])
    async with running(under_test(database, log).run):

        async def is_parked() -> bool:
            return await count(database, "parked_key") == 1

        await eventually(is_parked, 20)
    await raise_no_more(database)
    assert (await ParkingLot(database, GROUP, subscription().handle).replay("orders", "k")).error is None


async def is_applied(database: Database, events: Sequence[Event]) -> bool:
    try:
        return await applied(database) == expected(events)
    except Exception:
        return False  # the outage under test


@asynccontextmanager
async def taking_no_writes(database: Database) -> AsyncIterator[None]:
    """As after a fail-over to a standby: the connections are gone, and new ones can only read."""
    name = make_url(database.url).database
    async with administering(database) as admin:
        await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        await end_connections(admin, name)
        yield
        await admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        await end_connections(admin, name)


@asynccontextmanager
async def going_by_another_name(database: Database) -> AsyncIterator[None]:
    name = make_url(database.url).database
    async with administering(database) as admin:
        await rename(admin, f"{name}", f"{name}_away")
        yield
        await rename(admin, f"{name}_away", f"{name}")


async def rename(admin: asyncpg.Connection, name: str, other: str) -> None:
    async def renamed() -> bool:
        try:
            await end_connections(admin, name)
            await admin.execute(f'ALTER DATABASE "{name}" RENAME TO "{other}"')
        except asyncpg.ObjectInUseError:
            return False
        return True

    await eventually(renamed, 20)


@asynccontextmanager
async def letting_nobody_in(database: Database) -> AsyncIterator[None]:
    name = make_url(database.url).database
    async with administering(database) as admin:
        await admin.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await end_connections(admin, name)
        yield
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true CONNECTION LIMIT -1')


async def end_connections(admin: asyncpg.Connection, name: str | None) -> None:
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)


@pytest.mark.parametrize("outage", [taking_no_writes, going_by_another_name, letting_nobody_in])
async def test_an_outage_under_load_parks_nothing_and_loses_nothing(database: Database, outage: Outage) -> None:
    log, handler = InMemoryEventLog(), SampleHandler()
    events = order_events(keys=10, each=60)
    sent = 0

    async def send_some(number: int) -> None:
        nonlocal sent
        await send_events(log, events[sent : sent + number])
        sent += number

    consumer = under_test(database, log, handler)
    async with running(consumer.run):
        await send_some(200)
        await eventually(lambda: is_applied(database, events[:200]), 30)
        async with outage(database):
            failing = failures()
            await send_some(200)
            await eventually(lambda: failures() >= failing + 6, 40)
        await send_some(200)
        await eventually(lambda: is_applied(database, events), 60)
    assert await count(database, "parked_key") == 0
    assert consumer.stopped_because is None


def failures() -> float:
    value: float = HANDLER_ERRORS.labels(GROUP, "transient")._value.get()
    return value


async def test_a_statement_that_always_takes_too_long_is_found_and_parked(database: Database) -> None:
    slow, others = order_event("slow", 1), order_events(keys=5, each=4)

    async def handle(uow: Any, events: Sequence[Event]) -> None:
        await uow.connection.exec_driver_sql("SET LOCAL statement_timeout = '50ms'")
        if slow in events:
            await uow.connection.exec_driver_sql("SELECT pg_sleep(10)")
        await SampleHandler()(uow, events)

    log = InMemoryEventLog()
    await send_events(log, [*others[:10], slow, *others[10:]])
    told = Subscription(subscription().topics, dict.fromkeys(subscription().types, handle), unit_of_work)
    consumer = Consumer(database, new_topics("unused:1"), told, GROUP, event_log=log)
    consumer._processor = BatchProcessor(database, GROUP, told.handle, longest_pause=0.2, patience=1.0)
    async with running(consumer.run):
        await eventually(lambda: is_applied(database, others), 30)

        async def is_parked() -> bool:
            return await count(database, "parked_key") == 1

        await eventually(is_parked, 30)
    [key] = await ParkingLot(database, GROUP, told.handle).list_keys()
    assert (key.key, key.events) == ("slow", 1)
    assert "statement timeout" in key.error
