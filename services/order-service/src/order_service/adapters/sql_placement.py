"""New orders in one statement: orders, lines and history of a whole batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from event_contracts import Event
from order_service.adapters.sql_rows import HISTORY_COLUMNS, ORDER_COLUMNS, history_row, order_row
from order_service.application.history import HistoryEntry
from order_service.domain.order import Order
from service_kit.commands.at_once import (
    ANSWERS,
    CLAIMS,
    RECORDED,
    SENT,
    answers,
    claim_parameters,
    event_parameters,
    recorded_meanwhile,
)
from service_kit.commands.idempotency import Claimed, IdempotencyClaim, IdempotencyRecord
from service_kit.messaging.outbox import prepare
from service_kit.persistence.bulk import Columns, documents, names, recordset
from service_kit.persistence.database import DirectConnection
from service_kit.persistence.statements import Statement

_LINE_COLUMNS: Columns = (
    ("line_id", "text"),
    ("order_id", "text"),
    ("position", "int"),
    ("sku", "text"),
    ("reference", "text"),
    ("quantity", "bigint"),
    ("unit_price", "bigint"),
)

# A reference that is taken leaves its order out, and with it the lines, the history and all else that joins it.
# Sorted by reference, so that two batches which share some wait for each other in one order only.
_ADD = Statement(
    f"""
    WITH {CLAIMS}, made AS (
        INSERT INTO customer_order ({names(ORDER_COLUMNS)}, updated_at)
        SELECT {names(ORDER_COLUMNS)}, CAST(:now AS timestamptz) FROM {recordset(ORDER_COLUMNS, "o", "orders")}
        WHERE order_id NOT IN (SELECT resource_id FROM refused)
        ORDER BY reference
        ON CONFLICT (reference) DO NOTHING
        RETURNING order_id AS resource_id
    ), lines AS (
        INSERT INTO order_line ({names(_LINE_COLUMNS)})
        SELECT {names(_LINE_COLUMNS)} FROM {recordset(_LINE_COLUMNS, "l", "lines")} JOIN made ON order_id = resource_id
    ), history AS (
        INSERT INTO order_history ({names(HISTORY_COLUMNS)}, recorded_at)
        SELECT {names(HISTORY_COLUMNS)}, CAST(:now AS timestamptz)
        FROM {recordset(HISTORY_COLUMNS, "h", "history")} JOIN made ON order_id = resource_id
    ), {RECORDED}, {SENT}
    {ANSWERS}
    """
)

_HOLDERS = Statement(
    "SELECT reference, order_id FROM customer_order WHERE reference = ANY(CAST(:references AS text[]))"
)

_KNOWN_SKUS = Statement("SELECT sku FROM sku WHERE sku = ANY(CAST(:skus AS text[]))")


class KnownSkus:
    """The SKUs this process has seen in the projection. A SKU never goes away, so a hit needs no look."""

    def __init__(self) -> None:
        self.names: set[str] = set()


class SqlPlacementStore:
    """`PlacementStore` in one statement, which claims the commands' keys as well.

    ``answered`` are the orders that were not placed since their key is recorded, or in flight elsewhere.
    """

    def __init__(
        self, conn: DirectConnection, known: KnownSkus, claims: Sequence[IdempotencyClaim | None] = ()
    ) -> None:
        self._conn = conn
        self._known = known
        self._claims = [claim for claim in claims if claim is not None]
        self.answered: dict[str, Claimed | IdempotencyRecord] = {}

    async def unknown_skus(self, skus: Collection[str]) -> set[str]:
        """Those that the projection does not hold; asks the database only for names not seen before."""
        doubtful = set(skus) - self._known.names
        if not doubtful:
            return set()
        found = {sku for (sku,) in await _KNOWN_SKUS.rows(self._conn.driver, {"skus": sorted(doubtful)})}
        self._known.names |= found
        return doubtful - found

    async def add(
        self, orders: Sequence[Order], history: Sequence[HistoryEntry], events: Sequence[Event], now: datetime
    ) -> Mapping[str, str]:
        """A second statement only if references were taken."""
        lines = [
            (line.line_id, order.order_id, line.position, line.sku, line.reference, line.quantity, line.unit_price)
            for order in orders
            for line in order.lines.values()
        ]
        rows = await _ADD.rows(
            self._conn.driver,
            {
                "now": now,
                **claim_parameters(self._claims),
                "orders": documents(ORDER_COLUMNS, [order_row(order) for order in orders]),
                "lines": documents(_LINE_COLUMNS, lines),
                "history": documents(HISTORY_COLUMNS, [history_row(entry) for entry in history]),
                **event_parameters(prepare(events)),
            },
        )
        self._conn.outbox_written = True
        outcomes = answers(rows)
        self.answered = {order_id: found for order_id, found in outcomes.items() if found is not Claimed.NEW}
        left = {order.order_id: order.terms.reference for order in orders if order.order_id not in outcomes}
        if left:
            claims = [claim for claim in self._claims if claim.resource_id in left]
            recorded = await recorded_meanwhile(self._conn, claims)
            self.answered.update(recorded)
            left = {order_id: reference for order_id, reference in left.items() if order_id not in recorded}
        return await self._holders(left) if left else {}

    async def _holders(self, left: Mapping[str, str]) -> Mapping[str, str]:
        """Whose the references are of orders that were left out. RuntimeError for one that is nobody's: it was
        not placed, and nothing says why."""
        rows = await _HOLDERS.rows(self._conn.driver, {"references": list(left.values())})
        holders: dict[str, str] = dict(map(tuple, rows))
        for order_id, reference in left.items():
            if reference not in holders:
                raise RuntimeError(f"order {order_id} was not placed although nobody has its reference")
        return holders
