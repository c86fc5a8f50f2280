"""Messages that wait for their contact, and what becomes of them once it is known, in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.application.records import Rewrite, SetAside, ToldBefore
from notification_service.domain.lines import Told
from service_kit.persistence.bulk import Columns, arrays, unnest

_WAKEABLE = """
    SELECT DISTINCT n.order_id FROM notification n JOIN contact c USING (contact_id)
    WHERE n.state = 'waiting_for_contact'
"""
_WAKEABLE_ALL = text(f"{_WAKEABLE} LIMIT :limit")
_WAKEABLE_ONE = text(f"{_WAKEABLE} AND n.contact_id = :contact_id LIMIT :limit")
# A claim counts as an attempt, so a pending message without one is in nobody's hands.
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


class SqlSetAside:
    """The part of the messages' store that wakes them; the orders of the messages are locked by the caller."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def wakeable_orders(self, limit: int, contact_id: str | None = None) -> list[str]:
        """Orders with messages set aside whose contact (or this contact) is known by now."""
        if contact_id is None:
            rows = await self._conn.execute(_WAKEABLE_ALL, {"limit": limit})
        else:
            rows = await self._conn.execute(_WAKEABLE_ONE, {"limit": limit, "contact_id": contact_id})
        return [row.order_id for row in rows]

    async def lock_unsent(self, order_ids: Collection[str]) -> list[SetAside]:
        """Messages of the orders to known contacts that nobody has tried to send, the oldest first."""
        rows = await self._conn.execute(_LOCK_UNSENT, {"order_ids": list(order_ids)})
        return [
            SetAside(row.notification_id, row.order_id, row.contact_id, _load_told(row.told_before)) for row in rows
        ]

    async def requeue(self, notification_ids: Sequence[str], now: datetime) -> None:
        """Queue messages as they are."""
        if notification_ids:
            await self._conn.execute(_REQUEUE, {"ids": list(notification_ids), "now": now})

    async def rewrite(self, rewrites: Sequence[Rewrite], now: datetime) -> None:
        """Queue messages with other contents."""
        if rewrites:
            rows = ((r.notification_id, r.template, json.dumps(r.facts), dump_told(r.told_before)) for r in rewrites)
            await self._conn.execute(_REWRITE, {**arrays(_REWRITE_COLUMNS, rows), "now": now})

    async def supersede(self, notification_ids: Sequence[str], now: datetime) -> None:
        """End messages that another one of their order replaces."""
        if notification_ids:
            await self._conn.execute(_SUPERSEDE, {"ids": list(notification_ids), "now": now})


def dump_told(told: ToldBefore | None) -> str | None:
    """As JSON; None stays None."""
    return None if told is None else json.dumps({line: asdict(known) for line, known in told.items()}, default=str)


def _load_told(value: Any) -> dict[str, Told] | None:
    if value is None:
        return None
    loaded: dict[str, dict[str, Any]] = json.loads(value) if isinstance(value, str) else value
    return {line_id: _told(known) for line_id, known in loaded.items()}


def _told(known: dict[str, Any]) -> Told:
    day = known["promise_date"]
    return Told(**{**known, "promise_date": date.fromisoformat(day) if day else None})
