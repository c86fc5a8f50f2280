"""Sends notifications that are due."""

from __future__ import annotations

import asyncio

from notification_service.bootstrap import NotificationApplication
from service_kit.hosting.background import repeat
from service_kit.hosting.service import BackgroundTask


def send_notifications(app: NotificationApplication) -> BackgroundTask:
    """The loop; at its end the sessions with the mail server are closed."""

    async def step() -> bool:
        return await app.send_due_notifications() > 0

    async def send_notifications(stopping: asyncio.Event) -> None:
        await repeat("send_notifications", step, stopping, every=app.settings.sweep_seconds, more=bool)
        await app.mailer.close()

    return send_notifications
