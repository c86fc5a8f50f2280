"""Calls webhook endpoints that have deliveries due."""

from __future__ import annotations

import asyncio

from notification_service.bootstrap import NotificationApplication
from notification_service.entrypoints.background.loop import BackgroundTask, loop


def dispatch_webhooks(app: NotificationApplication) -> BackgroundTask:
    """The loop; at its end the calls under way are finished and recorded."""

    async def step() -> bool:
        return await app.dispatcher.dispatch_webhooks() > 0

    async def dispatch_webhooks(stopping: asyncio.Event) -> None:
        await loop("dispatch_webhooks", step, app.settings.sweep_seconds, stopping)
        await app.dispatcher.drain()

    return dispatch_webhooks
