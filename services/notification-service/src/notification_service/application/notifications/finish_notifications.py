"""Ending notifications."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from event_contracts import Event, NotificationOutcome, new_event
from event_contracts.sources import NOTIFICATION_SOURCE
from notification_service.application.metrics import NOTIFICATIONS
from notification_service.application.ports.notifications import (
    ClaimedNotification,
    NotificationResult,
    OpenNotification,
)
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.application.webhooks.queue_webhooks import queue_webhooks


async def finish_notifications(uow: NotificationUnitOfWork, results: Sequence[NotificationResult]) -> None:
    """Record how notifications ended, and publish it to the event log and to webhook endpoints.

    When they ended is told in business time: an offer of a delay counts from when its notice was sent, and is made,
    answered and judged in business time too. Results of notifications that have ended already are dropped: a lease may
    run out while a mail is being sent, and then two workers have a result.
    """
    if not results:
        return
    # Locks are taken as NotificationUnitOfWork says: contacts, orders (their rows number the events), notifications.
    # An erasure that runs at the same time either waits for this, or leaves no contact to keep texts for.
    known = await uow.contacts.lock_known({result.notification.contact_id for result in results})
    sequences = await uow.orders.next_sequences([result.notification.order_id for result in results])
    sequence_of = dict(zip((result.notification.notification_id for result in results), sequences, strict=True))
    finished = await uow.notifications.finish(results, uow.now, keep_texts_of=known)
    events = [_event(uow, result, sequence_of[result.notification.notification_id]) for result in finished]
    await uow.publish(events)
    await queue_webhooks(uow, events)
    uow.after_commit(lambda: _count(finished))


def _event(uow: NotificationUnitOfWork, result: NotificationResult, sequence: int) -> Event:
    notification = result.notification
    payload = NotificationOutcome(
        notification_id=notification.notification_id,
        order_id=notification.order_id,
        contact_id=notification.contact_id,
        template=notification.template,
        channel="email",
        attempts=notification.attempts,
        reason=result.reason,
        occurred_at=uow.business_now,
        offer_ids=_offer_ids(notification),
        content_hash=sha256(result.mail.text.encode()).hexdigest() if result.sent and result.mail else None,
    )
    name = "NotificationSent" if result.sent else "NotificationFailed"
    return new_event(name, payload, source=NOTIFICATION_SOURCE, sequence=sequence, now=uow.now)


def _offer_ids(notification: OpenNotification) -> tuple[str, ...]:
    """The offers of delays that a notification told of, or was to tell of."""
    known = notification.template_data if isinstance(notification, ClaimedNotification) else {}
    return tuple(known.get("offer_ids", ()))


def _count(finished: Sequence[NotificationResult]) -> None:
    for result in finished:
        NOTIFICATIONS.labels(result.notification.template, "sent" if result.sent else "failed").inc()
