"""Queues notifications whose contact has become known, and gives up those that waited for too long."""

from __future__ import annotations

import asyncio

from notification_service.application.notifications.give_up_waiting_notifications import (
    give_up_waiting_notifications,
)
from notification_service.application.notifications.resume_waiting_notifications import (
    resume_waiting_notifications,
)
from notification_service.bootstrap import NotificationApplication
from service_kit.commands.execute import execute
from service_kit.hosting.background import repeat
from service_kit.hosting.service import BackgroundTask


def review_waiting_notifications(app: NotificationApplication) -> BackgroundTask:
    """The loop. Its two use cases lock in different orders, so each has a transaction of its own."""
    # Storing a contact queues its notifications at once, so there is rarely anything to do here.
    every = app.settings.sweep_seconds * 10

    async def step() -> int:
        resumed = await execute(app.units, resume_waiting_notifications)
        return resumed + await execute(app.units, give_up_waiting_notifications)

    async def review_waiting_notifications(stopping: asyncio.Event) -> None:
        await repeat("review_waiting_notifications", step, stopping, every=every, more=bool)

    return review_waiting_notifications
