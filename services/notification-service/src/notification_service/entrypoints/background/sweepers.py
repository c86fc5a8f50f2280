"""The loops that look for due work: messages to make, mails to send, webhooks to call, old rows to drop."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from notification_service.application.dispatching import Dispatcher
from notification_service.application.ports import Mailer, Renderer, UnitOfWorkFactory
from notification_service.application.telling import (
    GATHERED_AT_ONCE,
    MailPlan,
    deliver_due,
    gather_due,
)
from notification_service.application.waking import settle_waiting
from service_kit.hosting.background import repeat
from service_kit.runtime.clock import Clock

_PURGE_EVERY = 600.0
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
        step = partial(gather_due, self._uow, self._clock)
        await repeat("gather", step, stopping, every=self._pause, more=lambda made: made >= GATHERED_AT_ONCE)

    async def mail(self, stopping: asyncio.Event) -> None:
        """Send mails."""
        step = partial(deliver_due, self._uow, self._renderer, self._mailer, self._clock, self._mail_plan)
        await repeat("mail", step, stopping, every=self._pause, more=bool)
        await self._mailer.close()

    async def contacts(self, stopping: asyncio.Event) -> None:
        """Wake or give up messages that wait for their contact."""
        step = partial(settle_waiting, self._uow, self._clock)
        await repeat("contacts", step, stopping, every=self._pause * 10, more=bool)

    async def webhooks(self, stopping: asyncio.Event) -> None:
        """Call endpoints."""
        await repeat("webhooks", self._dispatcher.dispatch_due, stopping, every=self._pause, more=bool)
        await self._dispatcher.drain()

    async def purge(self, stopping: asyncio.Event) -> None:
        """Drop webhooks that are older than their retention."""

        async def step() -> int:
            async with self._uow.transaction() as work:
                return await work.deliveries.purge(self._clock.now() - self._retention, _PURGED_AT_ONCE)

        await repeat("purge", step, stopping, every=_PURGE_EVERY, more=lambda purged: purged >= _PURGED_AT_ONCE)
