"""The worker as a whole: parts that fail are started again, and the end comes in order."""

import asyncio
from pathlib import Path

import pytest

from service_kit.hosting import worker
from service_kit.hosting.background import repeat
from service_kit.hosting.service import Service
from service_kit.hosting.worker import run_worker
from service_kit.messaging import batch_processor
from service_kit.messaging.outbox import publish
from service_kit.persistence.database import Database
from service_kit.persistence.worker_troubles import WorkerTroubles
from service_kit.runtime.failing_parts import failing_parts
from service_kit.runtime.health import NotReady
from service_kit.runtime.settings import Role
from service_kit.testing.eventually import eventually
from service_kit.testing.in_memory_event_log import InMemoryEventLog
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
)
from service_kit.testing.sample.worker import SampleSettings

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
def hardly_any_pause_between_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_processor, "_FIRST_PAUSE", 0.001)


def sample(database: Database, handler: SampleHandler | None = None, role: Role = "worker") -> Service:
    settings = SampleSettings(
        database_url=database.url,
        kafka_bootstrap="unused:1",
        keyring_path=Path("/nowhere"),
        role=role,
    )
    return Service(name=GROUP, settings=settings, database=database, subscription=subscription(handler))


async def test_an_event_goes_through_outbox_log_handler_and_out_again(database: Database) -> None:
    bus = InMemoryEventLog()
    service = sample(database)
    events = order_events(keys=5, each=10)
    async with running(lambda stopping: run_worker(service, stopping, event_log=bus)):
        async with database.transaction() as conn:
            await publish(conn, events)
        await eventually(lambda: len(bus.records("allocations")) == len(events))
    assert await applied(database) == expected(events)


async def test_a_background_task_that_fails_is_started_again_and_the_others_go_on(database: Database) -> None:
    bus = InMemoryEventLog()
    starts = 0

    async def sweeper(stopping: asyncio.Event) -> None:
        nonlocal starts
        starts += 1
        if starts < 3:
            raise RuntimeError("swept too hard")
        await stopping.wait()

    service = sample(database)
    service.background = [sweeper]
    events = order_events(keys=2, each=2)
    async with running(lambda stopping: run_worker(service, stopping, event_log=bus)):
        await eventually(lambda: starts == 3)
        async with database.transaction() as conn:
            await publish(conn, events)
        await eventually(lambda: len(bus.records("allocations")) == len(events))


async def test_what_is_published_while_stopping_is_flushed_before_the_relay_ends(database: Database) -> None:
    bus = InMemoryEventLog()
    last_words = order_event("last", 1)

    async def sweeper(stopping: asyncio.Event) -> None:
        await stopping.wait()
        async with database.transaction() as conn:
            await publish(conn, [last_words])

    service = sample(database)
    service.background = [sweeper]
    stopping = asyncio.Event()
    worker = asyncio.create_task(run_worker(service, stopping, event_log=bus))
    async with database.transaction() as conn:
        await publish(conn, order_events(keys=3, each=3))
    await eventually(lambda: len(bus.records("allocations")) == 9)
    stopping.set()
    await worker
    assert len(bus.records("orders")) == 10
    assert await count(database, "outbox") == 0


async def test_a_consumer_that_gave_up_is_told_by_readiness_and_the_relay_goes_on(database: Database) -> None:
    bus = InMemoryEventLog()
    service = sample(database, SampleHandler(dislikes=lambda event: True))
    async with running(lambda stopping: run_worker(service, stopping, event_log=bus)):
        await eventually(lambda: "consumer" in service.health.checks)
        await service.health.checks["consumer"]()
        async with database.transaction() as conn:
            await publish(conn, order_events(keys=60, each=1))

        async def told() -> bool:
            try:
                await service.health.checks["consumer"]()
            except NotReady:
                return True
            return False

        await eventually(told, 60)
        async with database.transaction() as conn:
            await publish(conn, [order_event("more", 1, name="OrderShipped")])
        await eventually(lambda: len(bus.records("orders")) == 61)


async def test_a_consumer_that_is_off_and_a_task_that_fails_trouble_every_process_of_the_service(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_TELL_EVERY", 0.2)
    bus = InMemoryEventLog()
    service = sample(database, SampleHandler(dislikes=lambda event: True), role="all")

    async def fails() -> None:
        raise ValueError("not today")

    async def sweep(stopping: asyncio.Event) -> None:
        await repeat("the sweep", fails, stopping, every=0.01)

    service.background = [sweep]
    async with database.transaction() as conn:
        await publish(conn, order_events(keys=30, each=1))
    async with running(lambda stopping: run_worker(service, stopping, event_log=bus)):

        async def told() -> bool:
            # As another process reads it.
            words = "; ".join((await WorkerTroubles(database, "another").read()).workers)
            return "consumer the consumer is off" in words and "the sweep failed" in words

        await eventually(told, 60)
    failing_parts.worked("the sweep")
