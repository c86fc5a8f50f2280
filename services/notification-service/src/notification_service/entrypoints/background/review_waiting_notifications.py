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

_PAUSES = 10
"""Storing a contact queues its notifications at once, so that this loop finds only what that missed."""


def review_waiting_notifications(app: NotificationApplication) -> BackgroundTask:
    """The loop. Its two use cases lock in different orders, so each has a transaction of its own."""

    async def step() -> bool:
        resumed = await execute(app.units, resume_waiting_notifications)
        given_up = await execute(app.units, give_up_waiting_notifications)
        return resumed + given_up > 0

    async def review_waiting_notifications(stopping: asyncio.Event) -> None:
        await repeat(
            "review_waiting_notifications", step, stopping, every=app.settings.sweep_seconds * _PAUSES, more=bool
        )

    return review_waiting_notifications
