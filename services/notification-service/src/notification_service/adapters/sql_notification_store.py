"""Notifications in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

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
from notification_service.domain.lines import LineStatus
from notification_service.domain.notifications import Notification, NotificationState
from notification_service.domain.orders import Baseline
from service_kit.persistence.bulk import Columns, arrays, names, unnest

_NEW_COLUMNS: Columns = (
    ("notification_id", "text"),
    ("order_id", "text"),
    ("contact_id", "text"),
    ("template", "text"),
    ("cause", "text"),
    ("resend_of", "text"),
    ("facts", "jsonb"),
    ("told_before", "jsonb"),
)
_ADD = text(
    f"""
    INSERT INTO notification ({names(_NEW_COLUMNS)}, state, next_attempt_at, created_at)
    SELECT {names(_NEW_COLUMNS)}, 'pending', :now, :now FROM {unnest(_NEW_COLUMNS, "n")}
    ON CONFLICT DO NOTHING
    """
)
# Notifications of one order are sent in the order of their creation: a later one waits for the one before it. A notice
# of a delay waits for none, because it has to be sent by a day; nor does a message about a payment.
_CLAIM = text(
    """
    WITH due AS MATERIALIZED (
        SELECT n.notification_id FROM notification n
        WHERE n.state = 'pending' AND n.next_attempt_at <= :now
          AND (n.template IN ('delay_notice', 'payment_problem') OR NOT EXISTS (
              SELECT FROM notification earlier
              WHERE earlier.order_id = n.order_id AND earlier.state = 'pending'
                AND earlier.notification_id < n.notification_id))
        ORDER BY n.next_attempt_at LIMIT :limit
        FOR UPDATE OF n SKIP LOCKED
    ), claimed AS (
        UPDATE notification AS n
        SET attempts = n.attempts + 1, next_attempt_at = :lease, version = n.version + 1
        FROM due WHERE n.notification_id = due.notification_id
        RETURNING n.notification_id, n.order_id, n.contact_id, n.template, n.attempts, n.facts
    )
    SELECT c.*, p.email, p.locale, p.time_zone
    FROM claimed c LEFT JOIN contact p USING (contact_id) ORDER BY c.notification_id
    """
)
_WAIT_FOR_CONTACT = text(
    """
    UPDATE notification
    SET state = 'waiting_for_contact', next_attempt_at = :until, attempts = attempts - 1, version = version + 1
    WHERE notification_id = ANY(CAST(:ids AS text[])) AND state = 'pending'
    """
)
_SELECT_OPEN = "SELECT notification_id, order_id, contact_id, template, attempts FROM notification"
_OVERDUE = text(
    f"""
    {_SELECT_OPEN} WHERE state = 'waiting_for_contact' AND next_attempt_at <= :now
    ORDER BY next_attempt_at LIMIT :limit
    """
)
_OPEN_OF_CONTACT = text(
    f"{_SELECT_OPEN} WHERE contact_id = :contact_id AND state IN ('pending', 'waiting_for_contact')"
)
_RETRY_COLUMNS: Columns = (("notification_id", "text"), ("next_attempt_at", "timestamptz"), ("reason", "text"))
_RETRY = text(
    f"""
    UPDATE notification AS n SET next_attempt_at = r.next_attempt_at, reason = r.reason, version = n.version + 1
    FROM {unnest(_RETRY_COLUMNS, "r")}
    WHERE n.notification_id = r.notification_id AND n.state = 'pending'
    """
)
_RESULT_COLUMNS: Columns = (
    ("notification_id", "text"),
    ("reason", "text"),
    ("recipient", "text"),
    ("subject", "text"),
    ("body_text", "text"),
    ("body_html", "text"),
)
_FINISH = text(
    f"""
    UPDATE notification AS n
    SET state = CASE WHEN r.reason IS NULL THEN 'sent' ELSE 'failed' END, reason = r.reason, finished_at = :now,
        next_attempt_at = NULL, recipient = r.recipient, subject = r.subject, body_text = r.body_text,
        body_html = r.body_html, version = n.version + 1
    FROM {unnest(_RESULT_COLUMNS, "r")}
    WHERE n.notification_id = r.notification_id AND n.state IN ('pending', 'waiting_for_contact')
    RETURNING n.notification_id
    """
)
_ERASE = text(
    """
    UPDATE notification SET recipient = NULL, subject = NULL, body_text = NULL, body_html = NULL, version = version + 1
    WHERE contact_id = :contact_id
      AND (recipient IS NOT NULL OR subject IS NOT NULL OR body_text IS NOT NULL OR body_html IS NOT NULL)
    """
)
_KNOWN_CONTACT = """
    SELECT DISTINCT n.order_id FROM notification n JOIN contact c USING (contact_id)
    WHERE n.state = 'waiting_for_contact'
"""
_RESUMABLE = text(f"{_KNOWN_CONTACT} LIMIT :limit")
_RESUMABLE_OF_CONTACT = text(f"{_KNOWN_CONTACT} AND n.contact_id = :contact_id LIMIT :limit")
# A claim counts as an attempt, so nobody is sending a pending notification without attempts.
_LOCK_UNSENT = text(
    """
    SELECT n.notification_id, n.order_id, n.contact_id, n.told_before FROM notification n
    WHERE n.order_id = ANY(CAST(:order_ids AS text[])) AND (n.resend_of IS NULL OR n.state = 'waiting_for_contact')
      AND (n.state = 'waiting_for_contact' OR n.state = 'pending' AND n.attempts = 0)
      AND EXISTS (SELECT FROM contact c WHERE c.contact_id = n.contact_id)
    ORDER BY n.notification_id FOR UPDATE OF n
    """
)
_REQUEUE = text(
    """
    UPDATE notification SET state = 'pending', next_attempt_at = :now, version = version + 1
    WHERE notification_id = ANY(CAST(:ids AS text[])) AND state = 'waiting_for_contact'
    """
)
_REWRITE_COLUMNS: Columns = (
    ("notification_id", "text"),
    ("template", "text"),
    ("facts", "jsonb"),
    ("told_before", "jsonb"),
)
_REWRITE = text(
    f"""
    UPDATE notification AS n
    SET state = 'pending', next_attempt_at = :now, template = r.template, facts = r.facts,
        told_before = r.told_before, version = n.version + 1
    FROM {unnest(_REWRITE_COLUMNS, "r")}
    WHERE n.notification_id = r.notification_id
    """
)
_SUPERSEDE = text(
    """
    UPDATE notification
    SET state = 'superseded', reason = 'overtaken', finished_at = :now, next_attempt_at = NULL, version = version + 1
    WHERE notification_id = ANY(CAST(:ids AS text[]))
    """
)
_SUPERSEDE_NOTICES = text(
    """
    UPDATE notification
    SET state = 'superseded', reason = 'overtaken', finished_at = :now, next_attempt_at = NULL, version = version + 1
    WHERE cause = ANY(CAST(:offer_ids AS text[])) AND template = 'delay_notice' AND resend_of IS NULL
      AND state IN ('pending', 'waiting_for_contact')
    """
)
_PROBLEM_COLUMNS: Columns = (("order_id", "text"), ("version", "bigint"))
_SUPERSEDE_PROBLEMS = text(
    f"""
    UPDATE notification AS n
    SET state = 'superseded', reason = 'overtaken', finished_at = :now, next_attempt_at = NULL, version = n.version + 1
    FROM {unnest(_PROBLEM_COLUMNS, "p")}
    WHERE n.order_id = p.order_id AND n.template = 'payment_problem' AND n.resend_of IS NULL
      AND CAST(n.facts ->> 'payment_version' AS bigint) < p.version AND n.cause <> ALL(CAST(:causes AS text[]))
      AND n.state IN ('pending', 'waiting_for_contact')
    """
)
NOTIFICATION_COLUMNS = """n.notification_id, n.order_id, n.contact_id, n.template, n.channel, n.cause, n.resend_of,
    n.facts AS template_data, n.state, n.attempts, n.next_attempt_at, n.reason, n.created_at, n.finished_at,
    n.version"""
"""Those of a notification without its texts; see ``notification_of``."""
_LOCK = text(
    f"""
    SELECT {NOTIFICATION_COLUMNS} FROM notification n WHERE notification_id = ANY(CAST(:ids AS text[]))
    ORDER BY notification_id FOR SHARE
    """
)


class SqlNotificationStore:
    """Reads and writes whole batches of notifications."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, notifications: Sequence[NewNotification], now: datetime) -> None:
        """See NotificationStore."""
        if not notifications:
            return
        rows = (
            (
                n.notification_id,
                n.order_id,
                n.contact_id,
                n.template,
                n.cause,
                n.resend_of,
                json.dumps(n.template_data),
                _dump_baseline(n.baseline),
            )
            for n in notifications
        )
        await self._conn.execute(_ADD, {**arrays(_NEW_COLUMNS, rows), "now": now})

    async def claim_due(self, now: datetime, lease_until: datetime, limit: int) -> list[ClaimedNotification]:
        """See NotificationStore."""
        rows = await self._conn.execute(_CLAIM, {"now": now, "lease": lease_until, "limit": limit})
        return [
            ClaimedNotification(
                row.notification_id,
                row.order_id,
                row.contact_id,
                row.template,
                row.attempts,
                _json(row.facts),
                Recipient(row.email, row.locale, row.time_zone) if row.email is not None else None,
            )
            for row in rows
        ]

    async def wait_for_contact(self, notification_ids: Collection[str], until: datetime) -> None:
        """See NotificationStore."""
        if notification_ids:
            await self._conn.execute(_WAIT_FOR_CONTACT, {"ids": list(notification_ids), "until": until})

    async def resumable_orders(self, limit: int, contact_id: str | None = None) -> list[str]:
        """See NotificationStore."""
        if contact_id is None:
            rows = await self._conn.execute(_RESUMABLE, {"limit": limit})
        else:
            rows = await self._conn.execute(_RESUMABLE_OF_CONTACT, {"limit": limit, "contact_id": contact_id})
        return [row.order_id for row in rows]

    async def lock_unsent(self, order_ids: Collection[str]) -> list[UnsentNotification]:
        """See NotificationStore."""
        rows = await self._conn.execute(_LOCK_UNSENT, {"order_ids": list(order_ids)})
        return [
            UnsentNotification(row.notification_id, row.order_id, row.contact_id, _load_baseline(row.told_before))
            for row in rows
        ]

    async def requeue(self, notification_ids: Collection[str], now: datetime) -> None:
        """See NotificationStore."""
        if notification_ids:
            await self._conn.execute(_REQUEUE, {"ids": list(notification_ids), "now": now})

    async def rewrite(self, rewrites: Sequence[NotificationRewrite], now: datetime) -> None:
        """See NotificationStore."""
        if rewrites:
            rows = (
                (r.notification_id, r.template, json.dumps(r.template_data), _dump_baseline(r.baseline))
                for r in rewrites
            )
            await self._conn.execute(_REWRITE, {**arrays(_REWRITE_COLUMNS, rows), "now": now})

    async def supersede(self, notification_ids: Collection[str], now: datetime) -> None:
        """See NotificationStore."""
        if notification_ids:
            await self._conn.execute(_SUPERSEDE, {"ids": list(notification_ids), "now": now})

    async def supersede_notices(self, offer_ids: Collection[str], now: datetime) -> None:
        """See NotificationStore."""
        await self._conn.execute(_SUPERSEDE_NOTICES, {"offer_ids": list(offer_ids), "now": now})

    async def supersede_payment_problems(
        self, versions: Mapping[str, int], causes: Collection[str], now: datetime
    ) -> None:
        """See NotificationStore."""
        values = arrays(_PROBLEM_COLUMNS, versions.items())
        await self._conn.execute(_SUPERSEDE_PROBLEMS, {**values, "causes": list(causes), "now": now})

    async def overdue(self, now: datetime, limit: int) -> list[OpenNotification]:
        """See NotificationStore."""
        rows = await self._conn.execute(_OVERDUE, {"now": now, "limit": limit})
        return [OpenNotification(**row._mapping) for row in rows]

    async def open_of_contact(self, contact_id: str) -> list[OpenNotification]:
        """See NotificationStore."""
        rows = await self._conn.execute(_OPEN_OF_CONTACT, {"contact_id": contact_id})
        return [OpenNotification(**row._mapping) for row in rows]

    async def retry(self, retries: Sequence[NotificationRetry]) -> None:
        """See NotificationStore."""
        if retries:
            rows = ((r.notification_id, r.at, r.reason) for r in retries)
            await self._conn.execute(_RETRY, arrays(_RETRY_COLUMNS, rows))

    async def finish(
        self, results: Sequence[NotificationResult], now: datetime, keep_texts_of: Collection[str]
    ) -> list[NotificationResult]:
        """See NotificationStore."""
        rows = []
        for result in results:
            mail = result.mail if result.notification.contact_id in keep_texts_of else None
            texts = (mail.recipient, mail.subject, mail.text, mail.html) if mail else (None,) * 4
            rows.append((result.notification.notification_id, result.reason, *texts))
        ended = {row[0] for row in await self._conn.execute(_FINISH, {**arrays(_RESULT_COLUMNS, rows), "now": now})}
        return [result for result in results if result.notification.notification_id in ended]

    async def erase_texts(self, contact_id: str) -> None:
        """See NotificationStore."""
        await self._conn.execute(_ERASE, {"contact_id": contact_id})

    async def lock(self, notification_ids: Collection[str]) -> dict[str, Notification]:
        """See NotificationStore."""
        rows = await self._conn.execute(_LOCK, {"ids": list(notification_ids)})
        return {row.notification_id: notification_of(row) for row in rows}


def notification_of(row: Row[Any]) -> Notification:
    """The notification of a row of ``NOTIFICATION_COLUMNS``, with or without its texts."""
    values = {**row._mapping, "template_data": _json(row.template_data), "state": NotificationState(row.state)}
    return Notification(**values)


def _json(value: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return loaded


def _dump_baseline(baseline: Baseline | None) -> str | None:
    """The baseline as JSON; None stays None."""
    if baseline is None:
        return None
    return json.dumps({line_id: asdict(status) for line_id, status in baseline.items()}, default=str)


def _load_baseline(value: Any) -> dict[str, LineStatus] | None:
    if value is None:
        return None
    loaded: dict[str, dict[str, Any]] = json.loads(value) if isinstance(value, str) else value
    return {line_id: _line_status(fields) for line_id, fields in loaded.items()}


def _line_status(fields: dict[str, Any]) -> LineStatus:
    day = fields["promise_date"]
    return LineStatus(**{**fields, "promise_date": date.fromisoformat(day) if day else None})
