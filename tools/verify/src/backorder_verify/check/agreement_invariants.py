"""What two services must agree on at rest: each keeps its own copy of the other's facts, built from its events."""

from __future__ import annotations

from collections.abc import AsyncIterator

from backorder_verify.check.snapshot import SystemSnapshot
from backorder_verify.check.system_invariant import SystemInvariant, same_rows
from service_kit.persistence.invariant import Violation

_ORDER_LINES = """
    SELECT line_id, order_id, coalesce(merged_into, sku) AS sku, quantity, cancelled, declined, waiting,
           CASE WHEN waiting > 0 THEN promise_date END AS promise_date
    FROM order_line LEFT JOIN (SELECT sku, merged_into FROM sku) name USING (sku) ORDER BY line_id COLLATE "C"
"""
_ALLOCATION_LINES = """
    SELECT line_id, order_id, sku, quantity, cancelled, declined, live_units - granted_units AS waiting,
           CASE WHEN live_units > granted_units THEN promise_date END AS promise_date
    FROM demand ORDER BY line_id COLLATE "C"
"""


async def _grants_within_stock(snapshot: SystemSnapshot) -> AsyncIterator[Violation]:
    on_hand = {
        (row["sku"], row["location_id"]): row["on_hand"]
        async for row in snapshot.rows("inventory", "SELECT sku, location_id, on_hand FROM stock_level")
    }
    grants = """
        SELECT sku, location, sum(granted - shipped)::bigint AS unshipped
        FROM commitment WHERE granted > shipped GROUP BY sku, location
    """
    async for row in snapshot.rows("allocation", grants):
        held = on_hand.get((row["sku"], row["location"]), 0)
        if row["unshipped"] > held:
            yield {**row, "on_hand": held}


AGREEMENT_INVARIANTS = (
    SystemInvariant(
        "lines: order = allocation",
        "Order and allocation know the same lines, with the same units cancelled, declined and waiting and the"
        " same promise; otherwise a customer is shown a date that nobody works towards.",
        same_rows(("order", _ORDER_LINES), ("allocation", _ALLOCATION_LINES), key=("line_id",)),
    ),
    SystemInvariant(
        "grants: order = allocation",
        "Order and allocation know the same allocated and shipped units of every line per location; otherwise the"
        " warehouse picks units that are not allocated, or leaves allocated ones lying.",
        same_rows(
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
    SystemInvariant(
        "grants within stock",
        "Units that are committed and not yet shipped are no more than the units on hand, per SKU and location;"
        " otherwise a unit is sold twice and an order cannot be shipped.",
        _grants_within_stock,
    ),
    SystemInvariant(
        "levels: inventory = allocation",
        "Allocation's copy of every stock level is inventory's; otherwise it allocates stock that is not there,"
        " or overlooks stock that is.",
        same_rows(
            (
                "inventory",
                """
                SELECT sku, location_id AS location, on_hand, shipped, version, coalesce(active, true) AS active
                FROM stock_level LEFT JOIN (SELECT location_id, active FROM location) place USING (location_id)
                WHERE version > 0 AND NOT merged  -- a level that never changed was never published
                ORDER BY sku COLLATE "C", location_id COLLATE "C"
                """,
            ),
            (
                "allocation",
                """
                SELECT sku, location, on_hand, shipped, version, active FROM stock_level WHERE version >= 0
                ORDER BY sku COLLATE "C", location COLLATE "C"
                """,
            ),
            key=("sku", "location"),
        ),
    ),
    SystemInvariant(
        "inbound: inventory = allocation",
        "Allocation knows what is still due on every open purchase-order line, and when; otherwise it promises"
        " dates that no delivery can keep.",
        same_rows(
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
    SystemInvariant(
        "policies: inventory = allocation",
        "Allocation knows every SKU with its newest selling policy; otherwise it accepts or declines orders by"
        " rules that were replaced.",
        same_rows(
            (
                "inventory",
                """
                SELECT sku, version, mode, backorder_cap::bigint AS cap FROM sku WHERE merged_into IS NULL
                ORDER BY sku COLLATE "C"
                """,
            ),
            (
                "allocation",
                """
                SELECT sku, policy_version AS version, mode, cap FROM sku WHERE known AND merged_into IS NULL
                ORDER BY sku COLLATE "C"
                """,
            ),
            key=("sku",),
        ),
    ),
    SystemInvariant(
        "lines: order = notification",
        "Notification knows the same units of every line as the order service; otherwise customers are told"
        " something that is not so.",
        same_rows(
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
    SystemInvariant(
        "shipments: order = inventory",
        "Inventory has booked every shipment line of the order service once, with the same units and location;"
        " otherwise on hand is wrong from then on.",
        same_rows(
            (
                "order",
                """
                SELECT s.shipment_id, s.line_id, l.order_id, l.sku, p.location_id, s.quantity,
                       p.voided_at IS NOT NULL AS voided
                FROM shipment_line s JOIN shipment p USING (shipment_id) LEFT JOIN order_line l USING (line_id)
                ORDER BY s.shipment_id COLLATE "C", s.line_id COLLATE "C"
                """,
            ),
            (
                "inventory",
                """
                SELECT shipment_id, line_id, order_id, sku, location_id, quantity, voided_at IS NOT NULL AS voided
                FROM shipment_line ORDER BY shipment_id COLLATE "C", line_id COLLATE "C"
                """,
            ),
            key=("shipment_id", "line_id"),
        ),
    ),
    SystemInvariant(
        "demand: order = inventory",
        "Inventory's demand history has every order line with its units ordered and cancelled; otherwise"
        " purchasing forecasts from wrong sales.",
        same_rows(
            (
                "order",
                """
                SELECT line_id, order_id, sku, quantity, cancelled FROM order_line ORDER BY line_id COLLATE "C"
                """,
            ),
            (
                "inventory",
                'SELECT line_id, order_id, sku, quantity, cancelled FROM demand_line ORDER BY line_id COLLATE "C"',
            ),
            key=("line_id",),
        ),
    ),
    SystemInvariant(
        "policies: order = inventory",
        "The order service knows every SKU with its newest selling policy; otherwise it refuses orders for SKUs"
        " that are sold, or charges preorders at the wrong time.",
        same_rows(
            ("inventory", 'SELECT sku, version, mode FROM sku WHERE merged_into IS NULL ORDER BY sku COLLATE "C"'),
            ("order", 'SELECT sku, version, mode FROM sku WHERE merged_into IS NULL ORDER BY sku COLLATE "C"'),
            key=("sku",),
        ),
    ),
)
