"""What somebody has to look at although the service works: ``/readyz`` warns of it."""

from __future__ import annotations

from notification_service.application.webhooks.seal_webhook_secrets import count_unreadable_secrets
from notification_service.bootstrap import NotificationApplication
from service_kit.commands.execute import read
from service_kit.runtime.health import Check, NotReady


def notices(app: NotificationApplication) -> dict[str, Check]:
    """The service's own, by name."""

    async def webhook_keys() -> None:
        if unreadable := await read(app.units, count_unreadable_secrets):
            raise NotReady(
                f"{unreadable} webhook secrets are encrypted with a key that is not set: give it as"
                " NOTIFICATION_WEBHOOK_SECRET_KEY or in NOTIFICATION_WEBHOOK_OLD_SECRET_KEYS, or rotate their secrets"
            )

    return {"webhook_keys": webhook_keys}
