"""The store of notifications in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tests.unit.notification.in_memory_tables import NotificationTables

from notification_service.application.ports.mail import Recipient
from notification_service.application.ports.notifications import (
    ClaimedNotification,
    NewNotification,
    NotificationResult,
    NotificationRetry,
    NotificationRewrite,
    OpenNotification,
    UnsentNotification,
)
from notification_service.domain.delay_notices import DELAY_NOTICE
from notification_service.domain.notifications import Notification, NotificationState
from notification_service.domain.payment_problems import PAYMENT_PROBLEM

_OPEN = frozenset({NotificationState.PENDING, NotificationState.WAITING_FOR_CONTACT})


class InMemoryNotificationStore:
    """Implements NotificationStore."""

    def __init__(self, tables: NotificationTables) -> None:
        self._tables = tables

    async def add(self, notifications: Sequence[NewNotification], now: datetime) -> None:
        for new in notifications:
            if new.order_id not in self._tables.orders:
                raise ValueError(f"a notification of the unknown order {new.order_id}")
            if new.notification_id in self._tables.notifications or self._exists(new):
                continue
            self._tables.notifications[new.notification_id] = Notification(
                notification_id=new.notification_id,
                order_id=new.order_id,
                contact_id=new.contact_id,
                template=new.template,
                channel="email",
                cause=new.cause,
                resend_of=new.resend_of,
                template_data=new.template_data,
                state=NotificationState.PENDING,
                attempts=0,
                next_attempt_at=now,
                reason=None,
                created_at=now,
                finished_at=None,
                version=1,
            )
            self._tables.baselines[new.notification_id] = new.baseline

    def _exists(self, new: NewNotification) -> bool:
        return new.resend_of is None and any(
            (stored.cause, stored.contact_id, stored.template) == (new.cause, new.contact_id, new.template)
            for stored in self._tables.notifications.values()
            if stored.resend_of is None
        )

    async def claim_due(self, now: datetime, lease_until: datetime, limit: int) -> list[ClaimedNotification]:
        first: dict[str, Notification] = {}
        for stored in self._in_state(NotificationState.PENDING):
            notice = stored.notification_id if stored.template in {DELAY_NOTICE, PAYMENT_PROBLEM} else ""
            first.setdefault(notice or stored.order_id, stored)
            first.setdefault(stored.order_id, stored)
        due = sorted({(_attempt_at(stored), stored.notification_id) for stored in first.values()})
        ids = [notification_id for attempt_at, notification_id in due if attempt_at <= now][:limit]
        return [self._claim(notification_id, lease_until) for notification_id in sorted(ids)]

    def _claim(self, notification_id: str, lease_until: datetime) -> ClaimedNotification:
        attempts = self._tables.notifications[notification_id].attempts + 1
        stored = self._change(notification_id, attempts=attempts, next_attempt_at=lease_until)
        contact = self._tables.contacts.get(stored.contact_id)
        return ClaimedNotification(
            stored.notification_id,
            stored.order_id,
            stored.contact_id,
            stored.template,
            stored.attempts,
            stored.template_data,
            Recipient(contact.email, contact.locale, contact.time_zone) if contact else None,
        )

    async def wait_for_contact(self, notification_ids: Collection[str], until: datetime) -> None:
        for stored in self._in_state(NotificationState.PENDING):
            if stored.notification_id in notification_ids:
                self._change(
                    stored.notification_id,
                    state=NotificationState.WAITING_FOR_CONTACT,
                    next_attempt_at=until,
                    attempts=stored.attempts - 1,
                )

    async def resumable_orders(self, limit: int, contact_id: str | None = None) -> list[str]:
        orders = {
            stored.order_id
            for stored in self._in_state(NotificationState.WAITING_FOR_CONTACT)
            if stored.contact_id in self._tables.contacts and contact_id in {None, stored.contact_id}
        }
        return sorted(orders)[:limit]

    async def lock_unsent(self, order_ids: Collection[str]) -> list[UnsentNotification]:
        return [
            UnsentNotification(
                stored.notification_id,
                stored.order_id,
                stored.contact_id,
                self._tables.baselines[stored.notification_id],
            )
            for stored in self._in_state(*_OPEN)
            if stored.order_id in order_ids
            and stored.contact_id in self._tables.contacts
            and (
                stored.state is NotificationState.WAITING_FOR_CONTACT
                or (stored.attempts == 0 and stored.resend_of is None)
            )
        ]

    async def requeue(self, notification_ids: Collection[str], now: datetime) -> None:
        for stored in self._in_state(NotificationState.WAITING_FOR_CONTACT):
            if stored.notification_id in notification_ids:
                self._change(stored.notification_id, state=NotificationState.PENDING, next_attempt_at=now)

    async def rewrite(self, rewrites: Sequence[NotificationRewrite], now: datetime) -> None:
        for rewrite in rewrites:
            self._tables.baselines[rewrite.notification_id] = rewrite.baseline
            self._change(
                rewrite.notification_id,
                state=NotificationState.PENDING,
                next_attempt_at=now,
                template=rewrite.template,
                template_data=rewrite.template_data,
            )

    async def supersede(self, notification_ids: Collection[str], now: datetime) -> None:
        for notification_id in notification_ids:
            self._change(
                notification_id,
                state=NotificationState.SUPERSEDED,
                reason="overtaken",
                finished_at=now,
                next_attempt_at=None,
            )

    async def supersede_notices(self, offer_ids: Collection[str], now: datetime) -> None:
        waiting = (NotificationState.PENDING, NotificationState.WAITING_FOR_CONTACT)
        unsent = [one for state in waiting for one in self._in_state(state)]
        await self.supersede(
            [
                one.notification_id
                for one in unsent
                if one.template == DELAY_NOTICE and one.cause in offer_ids and one.resend_of is None
            ],
            now,
        )

    async def supersede_payment_problems(
        self, versions: Mapping[str, int], causes: Collection[str], now: datetime
    ) -> None:
        await self.supersede(
            [
                one.notification_id
                for one in self._in_state(*_OPEN)
                if one.template == PAYMENT_PROBLEM
                and one.order_id in versions
                and one.resend_of is None
                and one.template_data["payment_version"] < versions[one.order_id]
                and one.cause not in causes
            ],
            now,
        )

    async def overdue(self, now: datetime, limit: int) -> list[OpenNotification]:
        waiting = self._in_state(NotificationState.WAITING_FOR_CONTACT)
        overdue = [stored for stored in waiting if _attempt_at(stored) <= now]
        return [_open(stored) for stored in sorted(overdue, key=_attempt_at)[:limit]]

    async def open_of_contact(self, contact_id: str) -> list[OpenNotification]:
        return [_open(stored) for stored in self._in_state(*_OPEN) if stored.contact_id == contact_id]

    async def retry(self, retries: Sequence[NotificationRetry]) -> None:
        pending = {stored.notification_id for stored in self._in_state(NotificationState.PENDING)}
        for retry in retries:
            if retry.notification_id in pending:
                self._change(retry.notification_id, next_attempt_at=retry.at, reason=retry.reason)

    async def finish(
        self, results: Sequence[NotificationResult], now: datetime, keep_texts_of: Collection[str]
    ) -> list[NotificationResult]:
        finished = []
        for result in results:
            notification_id = result.notification.notification_id
            if self._tables.notifications[notification_id].state not in _OPEN:
                continue
            mail = result.mail if result.notification.contact_id in keep_texts_of else None
            self._change(
                notification_id,
                state=NotificationState.SENT if result.sent else NotificationState.FAILED,
                reason=result.reason,
                finished_at=now,
                next_attempt_at=None,
                recipient=mail.recipient if mail else None,
                subject=mail.subject if mail else None,
                body_text=mail.text if mail else None,
                body_html=mail.html if mail else None,
            )
            finished.append(result)
        return finished

    async def erase_texts(self, contact_id: str) -> None:
        for stored in list(self._tables.notifications.values()):
            if stored.contact_id == contact_id and stored.recipient is not None:
                self._change(stored.notification_id, recipient=None, subject=None, body_text=None, body_html=None)

    async def lock(self, notification_ids: Collection[str]) -> dict[str, Notification]:
        found = self._tables.notifications
        return {key: without_texts(found[key]) for key in sorted(notification_ids) if key in found}

    def _in_state(self, *states: NotificationState) -> list[Notification]:
        found = self._tables.notifications
        return [found[key] for key in sorted(found) if found[key].state in states]

    def _change(self, notification_id: str, **fields: object) -> Notification:
        before = self._tables.notifications[notification_id]
        after = replace(before, **fields, version=before.version + 1)  # type: ignore[arg-type]
        self._tables.notifications[notification_id] = after
        return after


def _attempt_at(notification: Notification) -> datetime:
    if notification.next_attempt_at is None:
        raise ValueError(f"the open notification {notification.notification_id} has no next attempt")
    return notification.next_attempt_at


def _open(stored: Notification) -> OpenNotification:
    return OpenNotification(
        stored.notification_id, stored.order_id, stored.contact_id, stored.template, stored.attempts
    )


def without_texts(notification: Notification) -> Notification:
    """The notification as it is listed."""
    return replace(notification, recipient=None, subject=None, body_text=None, body_html=None)
