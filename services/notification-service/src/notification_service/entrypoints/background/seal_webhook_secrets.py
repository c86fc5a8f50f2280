"""Encrypts secrets of endpoints that are not encrypted with the current key."""

from __future__ import annotations

import asyncio
from functools import partial

from notification_service.application.webhooks.seal_webhook_secrets import SECRETS_AT_ONCE
from notification_service.application.webhooks.seal_webhook_secrets import seal_webhook_secrets as seal
from notification_service.bootstrap import NotificationApplication
from service_kit.commands.execute import execute
from service_kit.hosting.background import repeat
from service_kit.hosting.service import BackgroundTask

_EVERY_SECONDS = 3600


def seal_webhook_secrets(app: NotificationApplication) -> BackgroundTask:
    """The loop. A full batch is followed by the next one at once."""
    step = partial(execute, app.units, seal)

    async def seal_webhook_secrets(stopping: asyncio.Event) -> None:
        await repeat(
            "seal_webhook_secrets", step, stopping, every=_EVERY_SECONDS, more=lambda count: count >= SECRETS_AT_ONCE
        )

    return seal_webhook_secrets
