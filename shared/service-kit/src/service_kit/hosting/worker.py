"""The worker side of a service: relay, consumer, dead letters and background tasks, each restarted if it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any, Protocol

import structlog

from service_kit.commands.idempotency_retention import forget_old_keys
from service_kit.hosting.background import pause_after, repeat
from service_kit.messaging.batch_processor import TooManyParked
from service_kit.messaging.consumer import Consumer, ConsumerStuck
from service_kit.messaging.event_log import EventLog
from service_kit.messaging.inbox import purge
from service_kit.messaging.kafka import ClientTiming, KafkaEventLog
from service_kit.messaging.parking import show_parked
from service_kit.messaging.relay import Relay
from service_kit.messaging.subscription import Subscription
from service_kit.persistence.database import Database
from service_kit.persistence.parked_work import ParkedWork
from service_kit.persistence.worker_troubles import WorkerTroubles
from service_kit.runtime.failing_parts import failing_parts
from service_kit.runtime.health import Health, NotReady
from service_kit.runtime.settings import ServiceSettings
from service_kit.runtime.waiting import wait_for_any

log = structlog.get_logger(__name__)

Task = Callable[[asyncio.Event], Awaitable[None]]

_COUNT_EVERY = 15.0
_PURGE_EVERY = 3600.0
_FORGET_EVERY = 600.0
_TELL_EVERY = 10.0
_WELL_AFTER = 60.0
"""Seconds of work after which a failure is not counted as one more in a row."""


class WorkerService(Protocol):
    """The part of a ``Service`` that the worker needs."""

    name: str
    settings: ServiceSettings
    database: Database
    subscription: Subscription[Any] | None
    background: Sequence[Task]
    health: Health


async def run_worker(service: WorkerService, stopping: asyncio.Event, *, event_log: EventLog | None = None) -> None:
    """Run the parts of ``service`` until ``stopping``, which must not be set before HTTP is drained.

    A part that fails is started again after a pause. At the end the consumer finishes its batch, commits and leaves
    the group, and the background tasks end; only then does the relay send what they wrote and free its lock. Raises
    ConsumerStuck if the process has to be replaced by a new one.
    """
    event_log = event_log or KafkaEventLog(
        service.settings, ClientTiming.for_session(service.settings.kafka_session_timeout)
    )
    relay_stopping = asyncio.Event()
    relay = asyncio.create_task(
        supervise("relay", Relay(service.database, event_log.producer).run, relay_stopping), name="relay"
    )
    others = [
        asyncio.create_task(supervise(name, task, stopping), name=name)
        for name, task in _tasks(service, event_log).items()
    ]
    try:
        await _told_to_stop(others, stopping)
    finally:
        stopping.set()
        await _end(others, within=20)
        relay_stopping.set()
        await _end([relay], within=8)


async def _end(tasks: Sequence[asyncio.Task[None]], within: float) -> None:
    """Wait for tasks whose stop event is set; cancel those that do not end in time."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=within)
    for task in late:
        log.error("worker_part_did_not_stop", part=task.get_name())
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=2)


def _tasks(service: WorkerService, event_log: EventLog) -> dict[str, Task]:
    tasks: dict[str, Task] = {
        "idempotency-keys": _forgetting(service.database, service.settings.idempotency_retention_days)
    }
    consumer: Consumer | None = None
    if service.subscription is not None:
        consumer = Consumer(service.database, service.settings, service.subscription, service.name, event_log=event_log)
        tasks["consumer"] = consumer.run
        tasks["dead-letters"] = consumer.dead_letters.run
        tasks["parked-count"] = _parked_count(service)
        if service.settings.role == "worker":
            # A process that serves HTTP as well still takes orders: the metric alerts, and the process stays ready.
            service.health.checks["consumer"] = _consumer_check(consumer)
        if service.settings.inbox_retention_days is not None:
            tasks["inbox-purge"] = _purging(service.database, timedelta(days=service.settings.inbox_retention_days))
    for number, task in enumerate(service.background):
        tasks[f"background-{number}-{getattr(task, '__name__', 'task')}"] = task
    tasks["troubles"] = _telling_troubles(service.database, consumer)
    return tasks


def _telling_troubles(database: Database, consumer: Consumer | None) -> Task:
    """Writes down what this worker is troubled by, so that every process of the service can tell of it."""
    table, parked = WorkerTroubles(database), ParkedWork(database)

    async def tell() -> None:
        troubles = failing_parts.troubles()
        if consumer is not None and (trouble := consumer.trouble()) is not None:
            troubles["consumer"] = trouble
        await table.tell(troubles)
        await parked.measure()

    return partial(repeat, "troubles", tell, every=_TELL_EVERY)


async def supervise(name: str, task: Task, stopping: asyncio.Event) -> None:
    """Run ``task`` again whenever it fails, after 0.1 to 10 s (see ``pause_after``), until ``stopping``.

    A task that returns is not started again. ConsumerStuck is raised. After TooManyParked the task stays off, because
    it would only park more.
    """
    failures = 0
    while not stopping.is_set():
        began = monotonic()
        try:
            await task(stopping)
            return
        except ConsumerStuck:
            raise
        except TooManyParked:
            await stopping.wait()
            return
        except Exception as error:
            failures = 1 if monotonic() - began > _WELL_AFTER else failures + 1
            failing_parts.failed(name, error, forget_after=_WELL_AFTER)
            log.exception("worker_part_failed", part=name, in_a_row=failures)
            await wait_for_any(pause_after(failures), stopping)


async def _told_to_stop(tasks: Sequence[asyncio.Task[None]], stopping: asyncio.Event) -> None:
    """Wait for ``stopping``; raise an error of a task at once."""
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
    """Keeps the metric of parked keys up to date while operators replay and discard in other processes."""

    async def count() -> None:
        async with service.database.reading() as conn:
            await show_parked(conn, service.name)

    return partial(repeat, "parked-count", count, every=_COUNT_EVERY)


def _purging(database: Database, age: timedelta) -> Task:
    async def purge_once() -> None:
        removed = await purge(database, age)
        if removed:
            log.info("inbox_purged", events=removed)

    return partial(repeat, "inbox-purge", purge_once, every=_PURGE_EVERY)


def _forgetting(database: Database, days: int) -> Task:
    async def forgetting(stopping: asyncio.Event) -> None:
        await repeat(
            "idempotency-keys", partial(forget_old_keys, database, days, stopping), stopping, every=_FORGET_EVERY
        )

    return forgetting
