"""Calls webhook endpoints that have deliveries due."""

from __future__ import annotations

import asyncio

from notification_service.bootstrap import NotificationApplication
from service_kit.hosting.background import repeat
from service_kit.hosting.service import BackgroundTask


def dispatch_webhooks(app: NotificationApplication) -> BackgroundTask:
    """The loop. At its end the calls under way are finished and recorded."""
    every = app.settings.sweep_seconds

    async def dispatch_webhooks(stopping: asyncio.Event) -> None:
        await repeat("dispatch_webhooks", app.dispatcher.dispatch_webhooks, stopping, every=every, more=bool)
        await app.dispatcher.drain()

    return dispatch_webhooks
