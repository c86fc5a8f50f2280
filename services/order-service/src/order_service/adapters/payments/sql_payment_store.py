"""Storage of payments on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_service.adapters.payments.payment_rows import (
    ATTEMPT_COLUMNS,
    NEW_PAYMENT_COLUMNS,
    attempt_row,
    new_payment_row,
    payment_parameters,
    stored_payment_of,
)
from order_service.adapters.payments.touched_payments import touch_payments
from order_service.application.payments.ports import Difference, PaymentKey, ProviderEvent, StoredPayment
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.postings import Posting
from service_kit.persistence.bulk import arrays, assignments, insert, names, or_update, unnest

_ADD = text(
    f"""
    INSERT INTO payment ({names(NEW_PAYMENT_COLUMNS)}, look_at, updated_at)
    SELECT {names(NEW_PAYMENT_COLUMNS)}, CAST(:now AS timestamptz), CAST(:now AS timestamptz)
    FROM {unnest(NEW_PAYMENT_COLUMNS, "n")}
    """
)
_JSON = ("charged", "allocated")
_CHANGEABLE = (
    "method", "version", "charged", "allocated", "conceded", "declines", "grace_until", "retry_at", "refund_since",
    "due", "held_due", "held", "captured", "refunded", "refund_due", "refund_due_by", "state", "look_at",
)  # fmt: skip
_TIMES = ("grace_until", "retry_at", "refund_since", "refund_due_by", "look_at")


def _parameter(column: str) -> str:
    if column in _JSON:
        return f"{column} = CAST(:{column} AS jsonb)"
    return f"{column} = CAST(:{column} AS timestamptz)" if column in _TIMES else f"{column} = :{column}"


_SAVE = text(
    f"""
    UPDATE payment SET {", ".join(map(_parameter, _CHANGEABLE))}, updated_at = CAST(:now AS timestamptz)
    WHERE payment_id = :payment_id
    """
)
# The units and the amount of an attempt are what was asked of the provider: they stay as they were stored first.
_FIXED = ("attempt_id", "payment_id", "number", "kind", "amount", "units", "of", "method", "created_at", "outside")
_LATER_COLUMNS = [column for column in ATTEMPT_COLUMNS if column[0] not in _FIXED]
_ATTEMPTS = text(
    insert(
        "payment_attempt",
        ATTEMPT_COLUMNS,
        f"ON CONFLICT (attempt_id) DO UPDATE SET {assignments(_LATER_COLUMNS, 'excluded')}",
    )
)
_DISPUTE_COLUMNS = (
    ("dispute_id", "text"),
    ("payment_id", "text"),
    ("of", "text"),
    ("amount", "bigint"),
    ("state", "text"),
)
_DISPUTES = text(insert("payment_dispute", _DISPUTE_COLUMNS, or_update(_DISPUTE_COLUMNS, 1)))
_ENTRY_COLUMNS = (
    ("payment_id", "text"),
    ("source", "text"),
    ("account", "text"),
    ("amount", "bigint"),
    ("posted_at", "timestamptz"),
)
_ENTRIES = text(insert("money_entry", _ENTRY_COLUMNS))
_DIFFERENCE_COLUMNS = (
    ("found_on", "date"),
    ("attempt_id", "text"),
    ("payment_id", "text"),
    ("ours", "jsonb"),
    ("theirs", "jsonb"),
    ("found_at", "timestamptz"),
)
_DIFFERENCES = text(insert("payment_difference", _DIFFERENCE_COLUMNS, "ON CONFLICT (found_on, attempt_id) DO NOTHING"))

_KEY = text("SELECT payment_id, order_id FROM payment WHERE payment_id = :payment_id")
_ROW = "SELECT * FROM payment WHERE payment_id = :payment_id"
_OF_ORDER = text("SELECT * FROM payment WHERE order_id = :order_id")
_ATTEMPTS_OF = text("SELECT * FROM payment_attempt WHERE payment_id = :payment_id ORDER BY number")
_DISPUTES_OF = text("SELECT * FROM payment_dispute WHERE payment_id = :payment_id ORDER BY dispute_id")
_DUE = text("SELECT payment_id, order_id FROM payment WHERE look_at <= :at ORDER BY look_at, payment_id LIMIT :limit")
_POSTPONE = text("UPDATE payment SET look_at = :until WHERE payment_id = :payment_id")
_REFUNDS_DUE = text("SELECT count(*) FROM payment WHERE refund_due > 0 AND refund_due_by < :before")
_EVENT = text(
    """
    INSERT INTO provider_event (provider, event_id, kind, object_id, received_at)
    VALUES (:provider, :event_id, :kind, :object_id, :at) ON CONFLICT (provider, event_id) DO NOTHING
    """
)
_UNHANDLED = text(
    """
    SELECT provider, event_id, kind, object_id FROM provider_event
    WHERE handled_at IS NULL ORDER BY received_at, event_id LIMIT :limit
    """
)
_HANDLED = text("UPDATE provider_event SET handled_at = :at WHERE provider = :provider AND event_id = :event_id")
_BY_REFERENCE = text(
    """
    SELECT DISTINCT p.payment_id, p.order_id FROM payment_attempt a JOIN payment p USING (payment_id)
    WHERE a.reference = ANY(CAST(:references AS text[])) ORDER BY p.payment_id
    """
)
_CHANGED = text(
    """
    SELECT payment_id, order_id FROM payment WHERE updated_at >= :since AND payment_id > :after
    ORDER BY payment_id LIMIT :limit
    """
)
_FOUND = text("SELECT * FROM payment_difference WHERE found_on = :day ORDER BY attempt_id")


class SqlPaymentStore:
    """`PaymentStore` on PostgreSQL."""

    def __init__(self, conn: AsyncConnection, now: datetime) -> None:
        self._conn = conn
        self._now = now

    async def add(self, payments: Sequence[Payment]) -> None:
        """See PaymentStore."""
        if payments:
            rows = [new_payment_row(payment) for payment in payments]
            await self._conn.execute(_ADD, {"now": self._now, **arrays(NEW_PAYMENT_COLUMNS, rows)})

    async def key(self, payment_id: str) -> PaymentKey | None:
        """See PaymentStore."""
        row = (await self._conn.execute(_KEY, {"payment_id": payment_id})).one_or_none()
        return PaymentKey(*row) if row else None

    async def lock(self, key: PaymentKey) -> StoredPayment | None:
        """See PaymentStore."""
        return await self._load(f"{_ROW} FOR NO KEY UPDATE", payment_id=key.payment_id)

    async def find(self, payment_id: str) -> StoredPayment | None:
        """See PaymentStore."""
        return await self._load(_ROW, payment_id=payment_id)

    async def of_order(self, order_id: str) -> StoredPayment | None:
        """See PaymentStore."""
        return await self._load(_OF_ORDER.text, order_id=order_id)

    async def save(self, stored: StoredPayment, postings: Sequence[Posting]) -> None:
        """See PaymentStore."""
        payment = stored.payment
        await self._conn.execute(_SAVE, {"now": self._now, **payment_parameters(stored)})
        attempts = [attempt_row(payment.payment_id, n, one) for n, one in enumerate(payment.attempts, start=1)]
        if attempts:
            # The one that has ended first: another one may be open only after it.
            attempts.sort(key=lambda row: row[2])
            await self._conn.execute(_ATTEMPTS, arrays(ATTEMPT_COLUMNS, attempts))
        disputes = [
            (one.dispute_id, payment.payment_id, one.of, one.amount, one.state.value)
            for one in payment.disputes.values()
        ]
        if disputes:
            await self._conn.execute(_DISPUTES, arrays(_DISPUTE_COLUMNS, disputes))
        if postings:
            entries = [(payment.payment_id, one.source, one.account.value, one.amount, self._now) for one in postings]
            await self._conn.execute(_ENTRIES, arrays(_ENTRY_COLUMNS, entries))

    async def due(self, at: datetime, limit: int) -> list[PaymentKey]:
        """See PaymentStore."""
        return [PaymentKey(*row) for row in await self._conn.execute(_DUE, {"at": at, "limit": limit})]

    async def count_refunds_due(self, before: datetime) -> int:
        """See PaymentStore."""
        found: int = (await self._conn.execute(_REFUNDS_DUE, {"before": before})).scalar_one()
        return found

    async def postpone(self, payment_id: str, until: datetime) -> None:
        """See PaymentStore."""
        await self._conn.execute(_POSTPONE, {"payment_id": payment_id, "until": until})

    async def touch(self, order_ids: Collection[str], at: datetime) -> None:
        """See PaymentStore."""
        await touch_payments(self._conn, order_ids, at)

    async def record_event(self, event: ProviderEvent, at: datetime) -> bool:
        """See PaymentStore."""
        result = await self._conn.execute(_EVENT, {**_event_parameters(event), "at": at})
        return result.rowcount == 1

    async def unhandled_events(self, limit: int) -> list[ProviderEvent]:
        """See PaymentStore."""
        return [ProviderEvent(*row) for row in await self._conn.execute(_UNHANDLED, {"limit": limit})]

    async def event_handled(self, event: ProviderEvent, at: datetime) -> None:
        """See PaymentStore."""
        await self._conn.execute(_HANDLED, {"provider": event.provider, "event_id": event.event_id, "at": at})

    async def keys_by_reference(self, references: Collection[str]) -> list[PaymentKey]:
        """See PaymentStore."""
        rows = await self._conn.execute(_BY_REFERENCE, {"references": list(references)})
        return [PaymentKey(*row) for row in rows]

    async def changed_since(self, since: datetime, limit: int, after: str = "") -> list[PaymentKey]:
        """See PaymentStore."""
        rows = await self._conn.execute(_CHANGED, {"since": since, "limit": limit, "after": after})
        return [PaymentKey(*row) for row in rows]

    async def save_differences(self, day: date, differences: Sequence[Difference], at: datetime) -> None:
        """See PaymentStore."""
        if differences:
            rows = [
                (day, one.attempt_id, one.payment_id, _json(one.ours), _json(one.theirs), at) for one in differences
            ]
            await self._conn.execute(_DIFFERENCES, arrays(_DIFFERENCE_COLUMNS, rows))

    async def differences(self, day: date) -> list[Difference]:
        """See PaymentStore."""
        rows = (await self._conn.execute(_FOUND, {"day": day})).mappings()
        return [Difference(row["payment_id"], row["attempt_id"], row["ours"], row["theirs"]) for row in rows]

    async def _load(self, statement: str, **parameters: Any) -> StoredPayment | None:
        row = (await self._conn.execute(text(statement), parameters)).mappings().one_or_none()
        if row is None:
            return None
        of_it = {"payment_id": row["payment_id"]}
        attempts = (await self._conn.execute(_ATTEMPTS_OF, of_it)).mappings().all()
        disputes = (await self._conn.execute(_DISPUTES_OF, of_it)).mappings().all()
        return stored_payment_of(dict(row), [dict(one) for one in attempts], [dict(one) for one in disputes])


def _event_parameters(event: ProviderEvent) -> dict[str, str]:
    return {
        "provider": event.provider,
        "event_id": event.event_id,
        "kind": event.kind,
        "object_id": event.object_id,
    }


def _json(document: Any) -> str:
    return orjson.dumps(dict(document)).decode()
