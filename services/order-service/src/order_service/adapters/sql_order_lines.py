"""Storage of single lines and of what their orders' rows say about them, written in sets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from order_service.adapters.payments.touched_payments import touch_payments
from order_service.adapters.sql_history import ADD_HISTORY, history_values
from order_service.adapters.sql_line_rows import lines_by_id, write_lines
from order_service.application.history import HistoryEntry
from order_service.application.ports import OrderHeader, OrderTotals, OwnedLine
from order_service.domain.lines import Line
from order_service.domain.promises.jurisdictions import jurisdiction_named
from order_service.domain.promises.recording import LegalTerms
from order_service.domain.states import Totals
from service_kit.persistence.bulk import Columns, arrays, unnest
from service_kit.persistence.statements import Statement, together, values_together

_LOCK = Statement(
    """
    SELECT order_id, version, jurisdiction, time_zone, latest_acceptable_date, placed_at, completed_at,
           payment_provider IS NOT NULL AS has_payment
    FROM customer_order
    WHERE order_id = ANY(CAST(:order_ids AS text[])) ORDER BY order_id FOR NO KEY UPDATE
    """
)

# The same sums as in Line.totals and sum_totals, made here so that an order of 1,000 lines is not loaded for one line.
_TOTALS = Statement(
    """
    SELECT order_id, CAST(sum(quantity) AS bigint) AS quantity, CAST(sum(cancelled) AS bigint) AS cancelled,
           CAST(sum(declined) AS bigint) AS declined, CAST(sum(shipped) AS bigint) AS shipped,
           CAST(sum(still_open) AS bigint) AS still_open,
           CAST(sum(least(still_open, allocated)) AS bigint) AS allocated,
           CAST(sum(waiting) AS bigint) AS waiting, min(basis) AS answered
    FROM order_line,
         LATERAL (SELECT greatest(0, quantity - cancelled - declined - shipped) AS still_open) AS derived
    WHERE order_id = ANY(CAST(:order_ids AS text[])) GROUP BY order_id
    """
)

_HEADER_COLUMNS: Columns = (
    ("order_id", "text"),
    ("version", "bigint"),
    ("answered", "bigint"),
    ("state", "text"),
    ("complete", "boolean"),
)
_UPDATE = Statement(
    f"""
    UPDATE customer_order AS o
    SET version = n.version, answered = n.answered, state = n.state, complete = n.complete,
        updated_at = CAST(:now AS timestamptz)
    FROM {unnest(_HEADER_COLUMNS, "n")} WHERE o.order_id = n.order_id
    """,
    changes="customer_order",
)


class SqlOrderLineStore:
    """`OrderLineStore` on PostgreSQL. Each method is one statement."""

    def __init__(self, conn: AsyncConnection, now: datetime) -> None:
        self._conn = conn
        self._now = now

    async def lock_orders(self, order_ids: Collection[str]) -> dict[str, OrderHeader]:
        """See OrderLineStore. The rows are locked in sorted order, so that two batches cannot deadlock."""
        rows = await _LOCK.within(self._conn, {"order_ids": list(order_ids)})
        return {
            row["order_id"]: OrderHeader(row["order_id"], row["version"], _legal_terms(row), row["has_payment"])
            for row in rows
        }

    async def find(self, line_ids: Collection[str]) -> dict[str, OwnedLine]:
        """See OrderLineStore."""
        return await lines_by_id(self._conn, line_ids)

    async def save(self, lines: Sequence[Line]) -> None:
        """See OrderLineStore."""
        await write_lines(self._conn, lines)

    async def totals(self, order_ids: Collection[str]) -> dict[str, OrderTotals]:
        """See OrderLineStore. The database sums up."""
        rows = await _TOTALS.within(self._conn, {"order_ids": list(order_ids)})
        return {order_id: OrderTotals(Totals(*figures), answered) for order_id, *figures, answered in rows}

    async def save_orders(
        self, orders: Sequence[tuple[OrderHeader, OrderTotals]], history: Sequence[HistoryEntry]
    ) -> None:
        """See OrderLineStore."""
        rows = [
            (header.order_id, header.version, answered, totals.state.value, totals.complete)
            for header, (totals, answered) in orders
        ]
        values = [{"now": self._now, **arrays(_HEADER_COLUMNS, rows)}, history_values(self._now, history)]
        await together(_UPDATE, ADD_HISTORY).within(self._conn, values_together(values))
        await touch_payments(self._conn, [header.order_id for header, _ in orders if header.has_payment], self._now)


def _legal_terms(row: Any) -> LegalTerms:
    return LegalTerms(
        jurisdiction=jurisdiction_named(row["jurisdiction"]),
        time_zone=row["time_zone"],
        latest_acceptable_date=row["latest_acceptable_date"],
        placed_at=row["placed_at"],
        completed_at=row["completed_at"] or row["placed_at"],
    )
