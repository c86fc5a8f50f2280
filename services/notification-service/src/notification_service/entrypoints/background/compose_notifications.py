"""Composes the notifications of orders whose message is due."""

from __future__ import annotations

import asyncio

from notification_service.application.notifications.compose_due_notifications import (
    ORDERS_AT_ONCE,
    compose_due_notifications,
)
from notification_service.bootstrap import NotificationApplication
from notification_service.entrypoints.background.loop import BackgroundTask, loop
from service_kit.commands.execute import execute


def compose_notifications(app: NotificationApplication) -> BackgroundTask:
    """The loop; a full batch is followed by the next one at once."""

    async def step() -> bool:
        return await execute(app.units, compose_due_notifications) >= ORDERS_AT_ONCE

    async def compose_notifications(stopping: asyncio.Event) -> None:
        await loop("compose_notifications", step, app.settings.sweep_seconds, stopping)

    return compose_notifications
