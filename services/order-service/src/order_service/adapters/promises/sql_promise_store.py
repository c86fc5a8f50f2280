"""Storage of the legal record on PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from order_service.adapters.promises.sql_offer_rows import (
    CHANGEABLE,
    OFFER_COLUMNS,
    OFFERED_LINE_COLUMNS,
    REPLY_COLUMNS,
    SELECT_OFFERS,
    line_rows,
    offer_of,
    offer_rows,
    reply_rows,
)
from order_service.application.promises.promise_store import OfferPlace, OwnedOffer, RecordedLine, RefundRight
from order_service.domain.promises.records import Basis, Offer, PromiseRecord
from order_service.domain.promises.verdict import CancellationCause
from service_kit.persistence.bulk import Columns, arrays, assignments, insert, names, unnest
from service_kit.persistence.statements import Statement

_RECORD_COLUMNS: Columns = (
    ("line_id", "text"),
    ("revision", "int"),
    ("order_id", "text"),
    ("basis", "text"),
    ("date", "date"),
    ("time_zone", "text"),
    ("stated_at", "timestamptz"),
    ("cause", "text"),
    ("promise_revision", "bigint"),
    ("confidence", "double precision"),
    ("table_version", "bigint"),
    ("recorded_at", "timestamptz"),
)
_ADD_RECORDS = Statement(insert("promise_record", _RECORD_COLUMNS))
_RECORDS_OF_LINES = Statement(
    "SELECT * FROM promise_record WHERE line_id = ANY(CAST(:ids AS text[])) ORDER BY line_id, revision"
)
_RECORDS_OF_ORDERS = Statement(
    "SELECT * FROM promise_record WHERE order_id = ANY(CAST(:ids AS text[])) ORDER BY order_id, line_id, revision"
)

_SAVE_OFFERS = Statement(
    insert(
        "delay_offer",
        OFFER_COLUMNS,
        f"ON CONFLICT (offer_id) DO UPDATE SET {assignments(CHANGEABLE, 'excluded')}",
    )
)
_ADD_OFFERED_LINES = Statement(
    insert("delay_offer_line", OFFERED_LINE_COLUMNS, "ON CONFLICT (offer_id, line_id) DO NOTHING")
)
_ADD_REPLIES = Statement(
    f"""
    INSERT INTO delay_reply ({names(REPLY_COLUMNS)}, number)
    SELECT {", ".join(f"n.{name}" for name, _ in REPLY_COLUMNS)}, coalesce(newest.number, 0) + 1
    FROM {unnest(REPLY_COLUMNS, "n")}
    LEFT JOIN LATERAL (
        SELECT number, choice, until, received_at FROM delay_reply r
        WHERE r.offer_id = n.offer_id ORDER BY number DESC LIMIT 1
    ) newest ON true
    WHERE (newest.choice, newest.until, newest.received_at) IS DISTINCT FROM (n.choice, n.until, n.received_at)
    """
)
_OFFERS_OF_ORDERS = Statement(
    f"{SELECT_OFFERS} WHERE o.order_id = ANY(CAST(:ids AS text[])) ORDER BY o.order_id, o.number"
)
_ORDERS_OF_OFFERS = Statement("SELECT offer_id, order_id FROM delay_offer WHERE offer_id = ANY(CAST(:ids AS text[]))")
_OFFERS_DUE = Statement(
    f"""
    {SELECT_OFFERS} JOIN customer_order c USING (order_id)
    WHERE o.due_at IS NOT NULL AND o.due_at < CAST(:before AS timestamptz)
      AND (o.due_at, o.offer_id) > (
          coalesce(CAST(:due_at AS timestamptz), '-infinity'), coalesce(CAST(:offer_id AS text), ''))
      AND (CAST(:customer_id AS text) IS NULL OR c.customer_id = CAST(:customer_id AS text))
    ORDER BY o.due_at, o.offer_id LIMIT CAST(:limit AS int)
    """
)
_UNSENT = Statement(
    """
    SELECT count(*) AS unsent FROM delay_offer
    WHERE state = 'offered' AND notice_by IS NOT NULL AND notice_by <= CAST(:notice_by AS timestamptz)
    """
)

_REFUND_COLUMNS: Columns = (
    ("refund_id", "text"),
    ("order_id", "text"),
    ("line_id", "text"),
    ("units", "bigint"),
    ("cause", "text"),
    ("vested_on", "date"),
    ("refund_due_by", "timestamptz"),
    ("fees", "boolean"),
    ("offer_id", "text"),
    ("recorded_at", "timestamptz"),
)
_ADD_REFUNDS = Statement(insert("refund_right", _REFUND_COLUMNS))
_REFUNDS = Statement("SELECT * FROM refund_right WHERE order_id = CAST(:order_id AS text) ORDER BY refund_id")

_DEADLINE_COLUMNS: Columns = (("kind", "text"), ("ref", "text"), ("due_at", "timestamptz"))
_HINT = Statement(
    f"""
    INSERT INTO deadline AS d ({names(_DEADLINE_COLUMNS)})
    SELECT {names(_DEADLINE_COLUMNS)} FROM {unnest(_DEADLINE_COLUMNS, "n")} ORDER BY kind, ref
    ON CONFLICT (kind, ref) DO UPDATE SET due_at = least(d.due_at, excluded.due_at)
    """
)
_SET = Statement(
    f"""
    INSERT INTO deadline ({names(_DEADLINE_COLUMNS)})
    SELECT {names(_DEADLINE_COLUMNS)} FROM {unnest(_DEADLINE_COLUMNS, "n")} ORDER BY kind, ref
    ON CONFLICT (kind, ref) DO UPDATE SET due_at = excluded.due_at
    """
)
_REMOVE = Statement("DELETE FROM deadline WHERE kind = CAST(:kind AS text) AND ref = ANY(CAST(:refs AS text[]))")
_DUE = Statement(
    """
    SELECT ref FROM deadline
    WHERE kind = CAST(:kind AS text) AND due_at <= CAST(:now AS timestamptz) AND ref <> ALL(CAST(:without AS text[]))
    ORDER BY due_at LIMIT CAST(:limit AS int)
    """
)


class SqlPromiseStore:
    """`PromiseStore` on PostgreSQL. Rows of several orders are written in the order of their keys."""

    def __init__(self, conn: AsyncConnection, now: datetime) -> None:
        self._conn = conn
        self._now = now

    async def records_of_lines(self, line_ids: Collection[str]) -> dict[str, list[PromiseRecord]]:
        """See PromiseStore."""
        found: dict[str, list[PromiseRecord]] = defaultdict(list)
        for row in await _RECORDS_OF_LINES.within(self._conn, {"ids": list(line_ids)}):
            found[row["line_id"]].append(_record(row))
        return dict(found)

    async def records_of_orders(self, order_ids: Collection[str]) -> dict[str, list[PromiseRecord]]:
        """See PromiseStore."""
        found: dict[str, list[PromiseRecord]] = {order_id: [] for order_id in order_ids}
        for row in await _RECORDS_OF_ORDERS.within(self._conn, {"ids": list(order_ids)}):
            found[row["order_id"]].append(_record(row))
        return found

    async def add_records(self, records: Sequence[RecordedLine]) -> None:
        """See PromiseStore. One statement."""
        if records:
            rows = [_record_row(order_id, record, self._now) for order_id, record in records]
            await _ADD_RECORDS.within(self._conn, arrays(_RECORD_COLUMNS, rows))

    async def offers_of_orders(self, order_ids: Collection[str]) -> dict[str, list[Offer]]:
        """See PromiseStore."""
        found: dict[str, list[Offer]] = {order_id: [] for order_id in order_ids}
        for row in await _OFFERS_OF_ORDERS.within(self._conn, {"ids": list(order_ids)}):
            found[row["order_id"]].append(offer_of(row))
        return found

    async def save_offers(self, offers: Sequence[OwnedOffer]) -> None:
        """See PromiseStore. At most three statements."""
        if not offers:
            return
        each = [one.offer for one in offers]
        await _SAVE_OFFERS.within(self._conn, arrays(OFFER_COLUMNS, offer_rows(offers)))
        await _ADD_OFFERED_LINES.within(self._conn, arrays(OFFERED_LINE_COLUMNS, line_rows(each)))
        replies = reply_rows(each)
        if replies:
            await _ADD_REPLIES.within(self._conn, arrays(REPLY_COLUMNS, replies))

    async def orders_of_offers(self, offer_ids: Collection[str]) -> dict[str, str]:
        """See PromiseStore."""
        rows = await _ORDERS_OF_OFFERS.within(self._conn, {"ids": list(offer_ids)})
        return {row["offer_id"]: row["order_id"] for row in rows}

    async def offers_due(
        self, before: datetime, customer_id: str | None, *, after: OfferPlace | None, limit: int
    ) -> Sequence[OwnedOffer]:
        """See PromiseStore. By an index."""
        due_at, offer_id = after or (None, None)
        place = {"due_at": due_at, "offer_id": offer_id, "customer_id": customer_id}
        rows = await _OFFERS_DUE.within(self._conn, {"before": before, "limit": limit, **place})
        return [OwnedOffer(row["order_id"], offer_of(row)) for row in rows]

    async def count_unsent(self, notice_by: datetime) -> int:
        """See PromiseStore."""
        [row] = await _UNSENT.within(self._conn, {"notice_by": notice_by})
        return int(row["unsent"])

    async def add_refunds(self, refunds: Sequence[RefundRight]) -> None:
        """See PromiseStore. One statement."""
        if refunds:
            rows = [
                (
                    one.refund_id,
                    one.order_id,
                    one.line_id,
                    one.units,
                    one.cause.value,
                    one.vested_on,
                    one.refund_due_by,
                    one.fees,
                    one.offer_id,
                    self._now,
                )
                for one in refunds
            ]
            await _ADD_REFUNDS.within(self._conn, arrays(_REFUND_COLUMNS, rows))

    async def refunds_of_order(self, order_id: str) -> Sequence[RefundRight]:
        """See PromiseStore."""
        fields = [name for name, _ in _REFUND_COLUMNS if name not in ("recorded_at", "cause")]
        return [
            RefundRight(cause=CancellationCause(row["cause"]), **{name: row[name] for name in fields})
            for row in await _REFUNDS.within(self._conn, {"order_id": order_id})
        ]

    async def hint_deadlines(self, kind: str, due: Mapping[str, datetime]) -> None:
        """See PromiseStore."""
        if due:
            rows = [(kind, ref, at) for ref, at in sorted(due.items())]
            await _HINT.within(self._conn, arrays(_DEADLINE_COLUMNS, rows))

    async def set_deadlines(self, kind: str, due: Mapping[str, datetime | None]) -> None:
        """See PromiseStore."""
        rows = [(kind, ref, at) for ref, at in sorted(due.items()) if at is not None]
        if rows:
            await _SET.within(self._conn, arrays(_DEADLINE_COLUMNS, rows))
        over = sorted(ref for ref, at in due.items() if at is None)
        if over:
            await _REMOVE.within(self._conn, {"kind": kind, "refs": over})

    async def refs_due(self, kind: str, now: datetime, without: Collection[str], limit: int) -> Sequence[str]:
        """See PromiseStore."""
        rows = await _DUE.within(self._conn, {"kind": kind, "now": now, "without": list(without), "limit": limit})
        return [row["ref"] for row in rows]


def _record_row(order_id: str, one: PromiseRecord, now: datetime) -> tuple[Any, ...]:
    """The values of the columns of a promise record."""
    return (
        one.line_id,
        one.revision,
        order_id,
        one.basis.value,
        one.date,
        one.time_zone,
        one.stated_at,
        one.cause,
        one.promise_revision,
        one.confidence,
        one.table_version,
        now,
    )


def _record(row: Any) -> PromiseRecord:
    return PromiseRecord(
        line_id=row["line_id"],
        revision=row["revision"],
        basis=Basis(row["basis"]),
        date=row["date"],
        time_zone=row["time_zone"],
        stated_at=row["stated_at"],
        cause=row["cause"],
        promise_revision=row["promise_revision"],
        confidence=row["confidence"],
        table_version=row["table_version"],
    )
