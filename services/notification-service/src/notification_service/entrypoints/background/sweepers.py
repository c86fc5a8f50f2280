"""The loops that look for due work: messages to make, mails to send, webhooks to call, old rows to drop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import structlog

from notification_service.application.dispatching import Dispatcher
from notification_service.application.ports import Mailer, Renderer, UnitOfWorkFactory
from notification_service.application.telling import (
    GATHERED_AT_ONCE,
    MailPlan,
    deliver_due,
    gather_due,
)
from notification_service.application.waking import settle_waiting
from service_kit.runtime.clock import Clock

log = structlog.get_logger(__name__)

_AFTER_ERROR = 2.0
_PURGED_AT_ONCE = 1000


class Sweepers:
    """Each method runs until its event is set; what is under way is finished first."""

    def __init__(
        self,
        uow: UnitOfWorkFactory,
        clock: Clock,
        *,
        renderer: Renderer,
        mailer: Mailer,
        mail_plan: MailPlan,
        dispatcher: Dispatcher,
        pause: float,
        retention: timedelta,
    ) -> None:
        self._uow = uow
        self._clock = clock
        self._renderer = renderer
        self._mailer = mailer
        self._mail_plan = mail_plan
        self._dispatcher = dispatcher
        self._pause = pause
        self._retention = retention

    async def gather(self, stopping: asyncio.Event) -> None:
        """Make messages of changes whose time has come."""

        async def step() -> bool:
            return await gather_due(self._uow, self._clock) >= GATHERED_AT_ONCE

        await _loop("gather", step, self._pause, stopping)

    async def mail(self, stopping: asyncio.Event) -> None:
        """Send mails."""

        async def step() -> bool:
            claimed = await deliver_due(self._uow, self._renderer, self._mailer, self._clock, self._mail_plan)
            return claimed > 0

        await _loop("mail", step, self._pause, stopping)
        await self._mailer.close()

    async def contacts(self, stopping: asyncio.Event) -> None:
        """Wake or give up messages that wait for their contact."""

        async def step() -> bool:
            return await settle_waiting(self._uow, self._clock) > 0

        await _loop("contacts", step, self._pause * 10, stopping)

    async def webhooks(self, stopping: asyncio.Event) -> None:
        """Call endpoints."""

        async def step() -> bool:
            return await self._dispatcher.dispatch_due() > 0

        await _loop("webhooks", step, self._pause, stopping)
        await self._dispatcher.drain()

    async def purge(self, stopping: asyncio.Event) -> None:
        """Drop webhooks that are older than their retention."""

        async def step() -> bool:
            async with self._uow.transaction() as work:
                before = self._clock.now() - self._retention
                return await work.deliveries.purge(before, _PURGED_AT_ONCE) >= _PURGED_AT_ONCE

        await _loop("purge", step, 600, stopping)


async def _loop(name: str, step: Callable[[], Awaitable[bool]], pause: float, stopping: asyncio.Event) -> None:
    """Repeat ``step``, at once while it says that there is more, else after ``pause`` seconds.

    Nothing is lost by an error: work is claimed in the database and comes back.
    """
    while not stopping.is_set():
        wait = pause
        try:
            if await step():
                wait = 0
        except Exception as error:
            log.warning("sweep_failed", sweeper=name, error_type=type(error).__name__, exc_info=True)
            wait = max(pause, _AFTER_ERROR)
        if wait == 0:
            await asyncio.sleep(0)
            continue
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), wait)
