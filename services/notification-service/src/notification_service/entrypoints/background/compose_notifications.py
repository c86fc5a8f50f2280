"""Composes the notifications of orders whose message is due."""

from __future__ import annotations

import asyncio
from functools import partial

from notification_service.application.notifications.compose_due_notifications import (
    ORDERS_AT_ONCE,
    compose_due_notifications,
)
from notification_service.bootstrap import NotificationApplication
from service_kit.commands.execute import execute
from service_kit.hosting.background import repeat
from service_kit.hosting.service import BackgroundTask


def compose_notifications(app: NotificationApplication) -> BackgroundTask:
    """The loop. A full batch is followed by the next one at once."""
    step = partial(execute, app.units, compose_due_notifications)
    every = app.settings.sweep_seconds

    async def compose_notifications(stopping: asyncio.Event) -> None:
        await repeat("compose_notifications", step, stopping, every=every, more=lambda count: count >= ORDERS_AT_ONCE)

    return compose_notifications
