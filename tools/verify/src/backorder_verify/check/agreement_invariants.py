"""What two services must agree on at rest: each keeps its own copy, made of the other's events."""

from __future__ import annotations

from collections.abc import AsyncIterator

from backorder_verify.check.invariant import Invariant, Offender, Reading, the_same

_ORDER_LINES = """
    SELECT line_id, order_id, sku, quantity, cancelled, declined, waiting,
           CASE WHEN waiting > 0 THEN promise_date END AS promise_date
    FROM order_line ORDER BY line_id COLLATE "C"
"""
_ALLOCATION_LINES = """
    SELECT line_id, order_id, sku, quantity, cancelled, declined, live_units - granted_units AS waiting,
           CASE WHEN live_units > granted_units THEN promise_date END AS promise_date
    FROM demand ORDER BY line_id COLLATE "C"
"""


async def _grants_within_stock(reading: Reading) -> AsyncIterator[Offender]:
    on_hand = {
        (row["sku"], row["location_id"]): row["on_hand"]
        async for row in reading.rows("inventory", "SELECT sku, location_id, on_hand FROM stock_level")
    }
    grants = """
        SELECT sku, location, sum(granted - shipped)::bigint AS unshipped
        FROM commitment WHERE granted > shipped GROUP BY sku, location
    """
    async for row in reading.rows("allocation", grants):
        held = on_hand.get((row["sku"], row["location"]), 0)
        if row["unshipped"] > held:
            yield {**row, "on_hand": held}


AGREEMENT_INVARIANTS = (
    Invariant(
        "lines: order = allocation",
        "order and allocation know the same lines with the same units cancelled, declined and waiting, and promises",
        the_same(("order", _ORDER_LINES), ("allocation", _ALLOCATION_LINES), key=("line_id",)),
    ),
    Invariant(
        "grants: order = allocation",
        "order and allocation know the same granted and shipped units of every line and location",
        the_same(
            (
                "order",
                """
                SELECT line_id, location_id AS location, allocated, shipped FROM line_location
                WHERE allocated > 0 OR shipped > 0 ORDER BY line_id COLLATE "C", location_id COLLATE "C"
                """,
            ),
            (
                "allocation",
                """
                SELECT line_id, location, granted AS allocated, shipped FROM commitment
                WHERE granted > 0 OR shipped > 0 ORDER BY line_id COLLATE "C", location COLLATE "C"
                """,
            ),
            key=("line_id", "location"),
        ),
    ),
    Invariant(
        "grants within stock",
        "units granted and not shipped are no more than the units on hand, per SKU and location",
        _grants_within_stock,
    ),
    Invariant(
        "levels: inventory = allocation",
        "allocation's view of every stock level is inventory's",
        the_same(
            (
                "inventory",
                """
                SELECT sku, location_id AS location, on_hand, shipped, version FROM stock_level
                WHERE version > 0  -- a level that never changed was never told
                ORDER BY sku COLLATE "C", location_id COLLATE "C"
                """,
            ),
            (
                "allocation",
                """
                SELECT sku, location, on_hand, shipped, version FROM stock_level WHERE version >= 0
                ORDER BY sku COLLATE "C", location COLLATE "C"
                """,
            ),
            key=("sku", "location"),
        ),
    ),
    Invariant(
        "inbound: inventory = allocation",
        "allocation knows what is still to come on every open purchase-order line, and when",
        the_same(
            (
                "inventory",
                """
                SELECT line_id AS po_line, sku, quantity - received AS remaining, eta, version
                FROM purchase_order_line WHERE NOT closed AND received < quantity ORDER BY line_id COLLATE "C"
                """,
            ),
            (
                "allocation",
                """
                SELECT po_line, sku, remaining, eta, version FROM inbound
                WHERE remaining > 0 ORDER BY po_line COLLATE "C"
                """,
            ),
            key=("po_line",),
        ),
    ),
    Invariant(
        "policies: inventory = allocation",
        "allocation knows every SKU with its newest selling policy",
        the_same(
            ("inventory", 'SELECT sku, version, mode, backorder_cap::bigint AS cap FROM sku ORDER BY sku COLLATE "C"'),
            (
                "allocation",
                'SELECT sku, policy_version AS version, mode, cap FROM sku WHERE known ORDER BY sku COLLATE "C"',
            ),
            key=("sku",),
        ),
    ),
    Invariant(
        "lines: order = notification",
        "notification, which tells customers, knows the same units of every line as the order service",
        the_same(
            (
                "order",
                """
                SELECT l.line_id, l.order_id, l.quantity, l.cancelled, l.shipped, l.waiting, l.declined,
                       coalesce(p.allocated, 0) AS allocated
                FROM order_line l
                LEFT JOIN (SELECT line_id, sum(allocated)::bigint AS allocated FROM line_location GROUP BY line_id) p
                USING (line_id)
                ORDER BY l.line_id COLLATE "C"
                """,
            ),
            (
                "notification",
                """
                SELECT line_id, order_id, quantity, cancelled, shipped, waiting, declined, allocated
                FROM watched_line ORDER BY line_id COLLATE "C"
                """,
            ),
            key=("line_id",),
        ),
    ),
)
