"""What other services report, written set-based."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import SkuPolicy
from order_service.adapters.sql_lines import lines_by_id, write_lines
from order_service.adapters.sql_orders import ADD_HISTORY, history_values
from order_service.application.history import HistoryEntry
from order_service.application.ports import Header
from order_service.domain.lines import Line
from order_service.domain.states import Totals
from service_kit.persistence.bulk import Columns, arrays, unnest
from service_kit.persistence.statements import Statement, together, values_together

_LOCK = Statement(
    """
    SELECT order_id, version FROM customer_order
    WHERE order_id = ANY(CAST(:order_ids AS text[])) ORDER BY order_id FOR NO KEY UPDATE
    """
)

# The same sums as Line.totals and sum_totals, so that an order of 1,000 lines need not be loaded for one of them.
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

_POLICY_COLUMNS: Columns = (("sku", "text"), ("version", "bigint"), ("mode", "text"), ("release_at", "timestamptz"))
_SAVE_POLICIES = Statement(
    f"""
    INSERT INTO sku AS s (sku, version, mode, release_at)
    SELECT * FROM {unnest(_POLICY_COLUMNS, "n")}
    ON CONFLICT (sku) DO UPDATE
    SET version = excluded.version, mode = excluded.mode, release_at = excluded.release_at
    WHERE s.version < excluded.version
    """
)


class SqlAnswerStore:
    """`AnswerStore` on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def lock_headers(self, order_ids: Collection[str]) -> dict[str, Header]:
        """Locked in sorted order."""
        rows = await _LOCK.within(self._conn, {"order_ids": list(order_ids)})
        return {order_id: Header(order_id, version) for order_id, version in rows}

    async def lines(self, line_ids: Collection[str]) -> dict[str, tuple[str, Line]]:
        """Lines by id, each with its order's id."""
        return await lines_by_id(self._conn, line_ids)

    async def save_lines(self, lines: Sequence[Line]) -> None:
        """One statement."""
        await write_lines(self._conn, lines)

    async def totals(self, order_ids: Collection[str]) -> dict[str, tuple[Totals, int]]:
        """Summed by the database, over all lines as stored by now."""
        rows = await _TOTALS.within(self._conn, {"order_ids": list(order_ids)})
        return {order_id: (Totals(*figures), answered) for order_id, *figures, answered in rows}

    async def save_headers(
        self, headers: Sequence[tuple[Header, Totals, int]], history: Sequence[HistoryEntry], now: datetime
    ) -> None:
        """One statement."""
        rows = [
            (header.order_id, header.version, answered, totals.state.value, totals.complete)
            for header, totals, answered in headers
        ]
        values = [{"now": now, **arrays(_HEADER_COLUMNS, rows)}, history_values(now, history)]
        await together(_UPDATE, ADD_HISTORY).within(self._conn, values_together(values))

    async def save_policies(self, policies: Sequence[SkuPolicy]) -> None:
        """Only newer versions win."""
        rows = [(policy.sku, policy.version, policy.mode.value, policy.release_at) for policy in policies]
        await _SAVE_POLICIES.within(self._conn, arrays(_POLICY_COLUMNS, rows))
