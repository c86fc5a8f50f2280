"""The worker side of a service: relay, consumer, dead letters and background tasks, watched over together."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Protocol

import structlog

from service_kit.messaging.batch_processor import TooManyParked
from service_kit.messaging.consumer import Consumer, ConsumerStuck
from service_kit.messaging.event_log import EventLog
from service_kit.messaging.inbox import purge
from service_kit.messaging.kafka import ClientTiming, KafkaEventLog
from service_kit.messaging.parking import show_parked
from service_kit.messaging.relay import Relay
from service_kit.messaging.subscription import Subscription
from service_kit.persistence.database import Database
from service_kit.runtime.health import Health, NotReady
from service_kit.runtime.settings import ServiceSettings

log = structlog.get_logger(__name__)

Task = Callable[[asyncio.Event], Awaitable[None]]

_PURGE_EVERY = 3600.0


class WorkerService(Protocol):
    """What of a ``Service`` the worker needs."""

    name: str
    settings: ServiceSettings
    database: Database
    subscription: Subscription[Any] | None
    background: Sequence[Task]
    health: Health


async def run_worker(service: WorkerService, stopping: asyncio.Event, *, bus: EventLog | None = None) -> None:
    """Run the parts of ``service`` until ``stopping``; set it once HTTP is drained.

    A part that fails is started again after a pause. On the way out the consumer finishes its batch,
    commits and leaves the group, background tasks end, and only then the relay flushes what they
    wrote and frees its lock. Raises ConsumerStuck when the process should be replaced by a new one.
    """
    bus = bus or KafkaEventLog(service.settings, ClientTiming.for_session(service.settings.kafka_session_timeout))
    relay_stopping = asyncio.Event()
    relay = asyncio.create_task(
        supervise("relay", Relay(service.database, bus.producer).run, relay_stopping), name="relay"
    )
    others = [
        asyncio.create_task(supervise(name, task, stopping), name=name) for name, task in _tasks(service, bus).items()
    ]
    try:
        await _told_to_stop(others, stopping)
    finally:
        stopping.set()
        await _end(others, within=20)
        relay_stopping.set()
        await _end([relay], within=8)


async def _end(tasks: Sequence[asyncio.Task[None]], within: float) -> None:
    """Wait for tasks that were told to stop; cancel those that do not."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=within)
    for task in late:
        log.error("worker_part_did_not_stop", part=task.get_name())
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=2)


def _tasks(service: WorkerService, bus: EventLog) -> dict[str, Task]:
    tasks: dict[str, Task] = {}
    if service.subscription is not None:
        consumer = Consumer(service.database, service.settings, service.subscription, service.name, bus=bus)
        tasks["consumer"] = consumer.run
        tasks["dead-letters"] = consumer.dead_letters.run
        tasks["parked-count"] = _parked_count(service)
        if service.settings.role == "worker":
            # Where HTTP is served too, orders are still taken: the metric alerts, readiness stays.
            service.health.checks["consumer"] = _consumer_check(consumer)
        if service.settings.inbox_retention_days is not None:
            tasks["inbox-purge"] = _purging(service.database, timedelta(days=service.settings.inbox_retention_days))
    for number, task in enumerate(service.background):
        tasks[f"background-{number}-{getattr(task, '__name__', 'task')}"] = task
    return tasks


async def supervise(name: str, task: Task, stopping: asyncio.Event) -> None:
    """Run ``task`` again whenever it fails, after 0.1 to 10 s, until ``stopping``.

    A task that returns has ended by its own wish. ConsumerStuck goes on to the caller; after
    TooManyParked the part stays off: it would only park more.
    """
    failures = 0
    while not stopping.is_set():
        try:
            await task(stopping)
            return
        except ConsumerStuck:
            raise
        except TooManyParked:
            await stopping.wait()
            return
        except Exception:
            failures += 1
            log.exception("worker_part_failed", part=name, in_a_row=failures)
            with suppress(TimeoutError):
                pause = min(10.0, 0.1 * 2 ** min(failures, 8)) * random.uniform(0.5, 1)  # noqa: S311
                await asyncio.wait_for(stopping.wait(), pause)


async def _told_to_stop(tasks: Sequence[asyncio.Task[None]], stopping: asyncio.Event) -> None:
    """Wait for ``stopping``; an error of a task is raised at once."""
    stop = asyncio.create_task(stopping.wait())
    waiting: set[asyncio.Task[Any]] = {stop, *tasks}
    try:
        while not stop.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        stop.cancel()


def _consumer_check(consumer: Consumer) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        if consumer.stopped_because is not None:
            raise NotReady("the consumer stopped: too many events could not be handled")

    return check


def _parked_count(service: WorkerService) -> Task:
    """Keeps the metric true although operators replay and discard in other processes."""

    async def parked_count(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            async with service.database.reading() as conn:
                await show_parked(conn, service.name)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), 15)

    return parked_count


def _purging(database: Database, age: timedelta) -> Task:
    async def purging(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            removed = await purge(database, age)
            if removed:
                log.info("inbox_purged", events=removed)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _PURGE_EVERY)

    return purging
