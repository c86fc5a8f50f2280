"""Sends notifications that are due."""

from __future__ import annotations

import asyncio

from notification_service.bootstrap import NotificationApplication
from service_kit.hosting.background import repeat
from service_kit.hosting.service import BackgroundTask


def send_notifications(app: NotificationApplication) -> BackgroundTask:
    """The loop. At its end the sessions with the mail server are closed."""
    every = app.settings.sweep_seconds

    async def send_notifications(stopping: asyncio.Event) -> None:
        await repeat("send_notifications", app.send_due_notifications, stopping, every=every, more=bool)
        await app.mailer.close()

    return send_notifications
