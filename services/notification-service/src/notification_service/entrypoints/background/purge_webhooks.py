"""Removes webhooks that are older than their retention."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from notification_service.application.webhooks.purge_webhooks import MESSAGES_AT_ONCE
from notification_service.application.webhooks.purge_webhooks import purge_webhooks as purge
from notification_service.bootstrap import NotificationApplication
from service_kit.commands.execute import execute
from service_kit.hosting.background import repeat
from service_kit.hosting.service import BackgroundTask

_EVERY_SECONDS = 600


def purge_webhooks(app: NotificationApplication) -> BackgroundTask:
    """The loop. A full batch is followed by the next one at once."""
    step = partial(execute, app.units, purge, timedelta(days=app.settings.webhook_retention_days))

    async def purge_webhooks(stopping: asyncio.Event) -> None:
        await repeat(
            "purge_webhooks", step, stopping, every=_EVERY_SECONDS, more=lambda count: count >= MESSAGES_AT_ONCE
        )

    return purge_webhooks
