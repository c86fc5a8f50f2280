"""What this service says to others: outcomes of messages, and every public event to the webhooks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from event_contracts import Event, NotificationOutcome, new_event
from event_contracts.sources import NOTIFICATION_SOURCE
from notification_service.application.ports import UnitOfWork
from notification_service.application.records import Outcome, WebhookMessage


async def conclude(work: UnitOfWork, outcomes: Sequence[Outcome], now: datetime) -> list[Outcome]:
    """Record how messages ended and publish it, all in the transaction of ``work``.

    Those that had ended already (a lease that ran out, two workers at one message) are left out;
    returns the others.
    """
    if not outcomes:
        return []
    # Locks are taken in one order everywhere: contacts, orders (their rows number the events), messages.
    # An erasure that runs meanwhile either waits for this, or leaves no contact to keep texts for.
    contacts = await work.contacts.known({outcome.contact_id for outcome in outcomes}, lock=True)
    numbers = dict(
        zip(
            (outcome.notification_id for outcome in outcomes),
            await work.orders.next_outcomes([outcome.order_id for outcome in outcomes]),
            strict=True,
        )
    )
    finished = await work.notifications.finish(outcomes, now, contacts)
    events = [_event(outcome, numbers[outcome.notification_id], now) for outcome in finished]
    await work.publish(events)
    await queue_webhooks(work, events, now)
    return finished


def _event(outcome: Outcome, number: int, now: datetime) -> Event:
    payload = NotificationOutcome(
        notification_id=outcome.notification_id,
        order_id=outcome.order_id,
        contact_id=outcome.contact_id,
        template=outcome.template,
        channel="email",
        attempts=outcome.attempts,
        reason=outcome.reason,
        occurred_at=now,
    )
    name = "NotificationSent" if outcome.sent else "NotificationFailed"
    return new_event(name, payload, source=NOTIFICATION_SOURCE, sequence=number, now=now)


async def queue_webhooks(work: UnitOfWork, events: Sequence[Event], now: datetime) -> None:
    """Queue each event for the endpoints that want its type."""
    subscribers = await work.endpoints.subscribers()
    pairs = [
        (endpoint_id, event.id)
        for event in events
        for endpoint_id, types in subscribers
        if not types or event.name in types
    ]
    if not pairs:
        return
    wanted = {event_id for _, event_id in pairs}
    messages = [webhook_message(event) for event in events if event.id in wanted]
    await work.deliveries.add(messages, pairs, now)


def webhook_message(event: Event) -> WebhookMessage:
    """The event as merchants get it: type, timestamp and data as the Standard Webhooks specification asks."""
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
