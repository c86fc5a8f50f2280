"""Messages to customers, in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from notification_service.adapters.set_aside import SqlSetAside, dump_told
from notification_service.application.records import (
    ClaimedMail,
    NewNotification,
    Notification,
    NotificationState,
    Outcome,
    Retry,
)
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
# An order's messages go out in the order they were made: a later one waits for the one before it.
_CLAIM = text(
    """
    WITH due AS MATERIALIZED (
        SELECT n.notification_id FROM notification n
        WHERE n.state = 'pending' AND n.next_attempt_at <= :now
          AND NOT EXISTS (
              SELECT FROM notification earlier
              WHERE earlier.order_id = n.order_id AND earlier.state = 'pending'
                AND earlier.notification_id < n.notification_id)
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
_SET_ASIDE = text(
    """
    UPDATE notification
    SET state = 'waiting_for_contact', next_attempt_at = :until, attempts = attempts - 1, version = version + 1
    WHERE notification_id = ANY(CAST(:ids AS text[])) AND state = 'pending'
    """
)
_OUTCOME = "SELECT notification_id, order_id, contact_id, template, attempts FROM notification"
_OVERDUE = text(
    f"{_OUTCOME} WHERE state = 'waiting_for_contact' AND next_attempt_at <= :now ORDER BY next_attempt_at LIMIT :limit"
)
_UNFINISHED = text(f"{_OUTCOME} WHERE contact_id = :contact_id AND state IN ('pending', 'waiting_for_contact')")
_RETRY_COLUMNS: Columns = (("notification_id", "text"), ("next_attempt_at", "timestamptz"), ("reason", "text"))
_RETRY = text(
    f"""
    UPDATE notification AS n SET next_attempt_at = r.next_attempt_at, reason = r.reason, version = n.version + 1
    FROM {unnest(_RETRY_COLUMNS, "r")}
    WHERE n.notification_id = r.notification_id AND n.state = 'pending'
    """
)
_OUTCOME_COLUMNS: Columns = (
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
    SET state = CASE WHEN o.reason IS NULL THEN 'sent' ELSE 'failed' END, reason = o.reason, finished_at = :now,
        next_attempt_at = NULL, recipient = o.recipient, subject = o.subject, body_text = o.body_text,
        body_html = o.body_html, version = n.version + 1
    FROM {unnest(_OUTCOME_COLUMNS, "o")}
    WHERE n.notification_id = o.notification_id AND n.state IN ('pending', 'waiting_for_contact')
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
_HEAD = """n.notification_id, n.order_id, n.contact_id, n.template, n.channel, n.cause, n.resend_of, n.facts, n.state,
    n.attempts, n.next_attempt_at, n.reason, n.created_at, n.finished_at, n.version"""
_FIND = text(
    f"SELECT {_HEAD}, n.recipient, n.subject, n.body_text, n.body_html FROM notification n WHERE notification_id = :id"
)
_LOCK = text(
    f"""
    SELECT {_HEAD} FROM notification n WHERE notification_id = ANY(CAST(:ids AS text[]))
    ORDER BY notification_id FOR SHARE
    """
)


class SqlNotifications(SqlSetAside):
    """Reads and writes whole batches of messages."""

    async def add(self, notifications: Sequence[NewNotification], now: datetime) -> None:
        """Queue messages; one that exists for its (cause, contact, template) is left out."""
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
                json.dumps(n.facts),
                dump_told(n.told_before),
            )
            for n in notifications
        )
        await self._conn.execute(_ADD, {**arrays(_NEW_COLUMNS, rows), "now": now})

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> list[ClaimedMail]:
        """Take messages whose turn it is; the lease is their next attempt if nothing is recorded."""
        rows = await self._conn.execute(_CLAIM, {"now": now, "lease": lease_until, "limit": limit})
        return [ClaimedMail(**{**row._mapping, "facts": _facts(row.facts)}) for row in rows]

    async def wait_for_contact(self, notification_ids: Sequence[str], until: datetime) -> None:
        """Set messages aside; the look for a contact does not count as an attempt."""
        if notification_ids:
            await self._conn.execute(_SET_ASIDE, {"ids": list(notification_ids), "until": until})

    async def overdue(self, now: datetime, limit: int) -> list[Outcome]:
        """Messages that have waited for their contact for too long."""
        rows = await self._conn.execute(_OVERDUE, {"now": now, "limit": limit})
        return [Outcome(**row._mapping, reason="no_contact") for row in rows]

    async def unfinished_of(self, contact_id: str, reason: str) -> list[Outcome]:
        """A contact's messages that are not sent."""
        rows = await self._conn.execute(_UNFINISHED, {"contact_id": contact_id})
        return [Outcome(**row._mapping, reason=reason) for row in rows]

    async def retry(self, retries: Sequence[Retry]) -> None:
        """Plan the next attempts."""
        if retries:
            rows = ((r.notification_id, r.at, r.reason) for r in retries)
            await self._conn.execute(_RETRY, arrays(_RETRY_COLUMNS, rows))

    async def finish(self, outcomes: Sequence[Outcome], now: datetime, keep_texts_of: Collection[str]) -> list[Outcome]:
        """Record ends; returns those that were still open."""
        rows = []
        for outcome in outcomes:
            mail = outcome.mail if outcome.contact_id in keep_texts_of else None
            texts = (mail.recipient, mail.subject, mail.text, mail.html) if mail else (None,) * 4
            rows.append((outcome.notification_id, outcome.reason, *texts))
        ended = {row[0] for row in await self._conn.execute(_FINISH, {**arrays(_OUTCOME_COLUMNS, rows), "now": now})}
        return [outcome for outcome in outcomes if outcome.notification_id in ended]

    async def erase(self, contact_id: str) -> None:
        """Empty recipient and texts of all the contact's messages."""
        await self._conn.execute(_ERASE, {"contact_id": contact_id})

    async def find(self, notification_id: str) -> Notification | None:
        """One message with its texts."""
        row = (await self._conn.execute(_FIND, {"id": notification_id})).one_or_none()
        return _notification(row) if row else None

    async def lock(self, notification_ids: Collection[str]) -> dict[str, Notification]:
        """Messages without their texts, locked against a change of state."""
        rows = await self._conn.execute(_LOCK, {"ids": list(notification_ids)})
        return {row.notification_id: _notification(row) for row in rows}

    async def page(
        self, *, order_id: str | None, customer_id: str | None, before: str | None, limit: int
    ) -> list[Notification]:
        """Messages, newest first, without their texts."""
        source, conditions = "notification n", ["TRUE"]
        if customer_id is not None:
            source += " JOIN watched_order o USING (order_id)"
            conditions.append("o.customer_id = :customer_id")
        if order_id is not None:
            conditions.append("n.order_id = :order_id")
        if before is not None:
            conditions.append("n.notification_id < :before")
        where = " AND ".join(conditions)
        statement = f"SELECT {_HEAD} FROM {source} WHERE {where} ORDER BY n.notification_id DESC LIMIT :limit"
        given = {"order_id": order_id, "customer_id": customer_id, "before": before}
        values = {name: value for name, value in given.items() if value is not None}
        rows = await self._conn.execute(text(statement), {**values, "limit": limit})
        return [_notification(row) for row in rows]

    async def customer_of(self, order_id: str) -> str | None:
        """Whose order it is; None for an unknown order, too."""
        statement = text("SELECT customer_id FROM watched_order WHERE order_id = :order_id")
        customer: str | None = (await self._conn.execute(statement, {"order_id": order_id})).scalar_one_or_none()
        return customer


def _facts(value: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return loaded


def _notification(row: Row[Any]) -> Notification:
    return Notification(**{**row._mapping, "facts": _facts(row.facts), "state": NotificationState(row.state)})
