"""Queueing events for webhook endpoints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC

from event_contracts import Event
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.application.ports.webhooks import NewDelivery, WebhookMessage


async def queue_webhooks(uow: NotificationUnitOfWork, events: Sequence[Event]) -> None:
    """Queue each event for the enabled endpoints that want its type."""
    subscriptions = await uow.endpoints.subscriptions()
    deliveries = [
        NewDelivery(subscription.endpoint_id, event.id)
        for event in events
        for subscription in subscriptions
        if subscription.wants(event.name)
    ]
    if not deliveries:
        return
    wanted = {delivery.event_id for delivery in deliveries}
    messages = [webhook_message(event) for event in events if event.id in wanted]
    await uow.deliveries.add(messages, deliveries, uow.now)


def webhook_message(event: Event) -> WebhookMessage:
    """The event as endpoints get it: with type, timestamp and data, as the Standard Webhooks specification asks."""
    body = {
        "id": event.id,
        "type": event.name,
        "version": event.type.version,
        "timestamp": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "key": event.key,
        "sequence": event.sequence,
        "data": event.payload.model_dump(mode="json", exclude_none=True),
    }
    return WebhookMessage(event.id, event.name, json.dumps(body, ensure_ascii=False, separators=(",", ":")))
