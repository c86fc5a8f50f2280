"""What must hold inside inventory's database, and between it and the orders."""

from __future__ import annotations

from backorder_verify.check.invariant import Invariant, in_one_database, the_same

STOCK_INVARIANTS = (
    Invariant(
        "stock: ledger adds up",
        "on hand + shipped = the sum of the signed ledger entries, per SKU and location, and each part for itself",
        in_one_database(
            "inventory",
            """
            SELECT sku, location_id, coalesce(on_hand, 0) AS on_hand, coalesce(shipped, 0) AS shipped,
                   coalesce(e.on_hand_sum, 0) AS ledger_on_hand, coalesce(e.shipped_sum, 0) AS ledger_shipped
            FROM stock_level
            FULL JOIN (
                SELECT sku, location_id, sum(on_hand_delta)::bigint AS on_hand_sum,
                       sum(shipped_delta)::bigint AS shipped_sum
                FROM ledger_entry GROUP BY sku, location_id
            ) e USING (sku, location_id)
            WHERE coalesce(on_hand, 0) <> coalesce(e.on_hand_sum, 0)
               OR coalesce(shipped, 0) <> coalesce(e.shipped_sum, 0)
            """,
        ),
    ),
    Invariant(
        "stock: shipped by shipments",
        "inventory's shipped units are the sum of the shipments it booked, per SKU and location",
        in_one_database(
            "inventory",
            """
            SELECT sku, location_id, coalesce(l.shipped, 0) AS shipped, coalesce(s.quantity, 0) AS by_shipments
            FROM stock_level l
            FULL JOIN (
                SELECT sku, location_id, sum(quantity)::bigint AS quantity
                FROM shipment_line GROUP BY sku, location_id
            ) s USING (sku, location_id)
            WHERE coalesce(l.shipped, 0) <> coalesce(s.quantity, 0)
            """,
        ),
    ),
    Invariant(
        "shipments: order = inventory",
        "every shipment line of the order service was booked once by inventory, with the same units and place",
        the_same(
            (
                "order",
                """
                SELECT s.shipment_id, s.line_id, l.order_id, l.sku, p.location_id, s.quantity
                FROM shipment_line s JOIN shipment p USING (shipment_id) LEFT JOIN order_line l USING (line_id)
                ORDER BY s.shipment_id COLLATE "C", s.line_id COLLATE "C"
                """,
            ),
            (
                "inventory",
                """
                SELECT shipment_id, line_id, order_id, sku, location_id, quantity
                FROM shipment_line ORDER BY shipment_id COLLATE "C", line_id COLLATE "C"
                """,
            ),
            key=("shipment_id", "line_id"),
        ),
    ),
    Invariant(
        "demand: order = inventory",
        "inventory's demand history knows every order line with its units ordered and cancelled",
        the_same(
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
    Invariant(
        "policies: order = inventory",
        "the order service knows every SKU with its newest selling policy",
        the_same(
            ("inventory", 'SELECT sku, version, mode FROM sku ORDER BY sku COLLATE "C"'),
            ("order", 'SELECT sku, version, mode FROM sku ORDER BY sku COLLATE "C"'),
            key=("sku",),
        ),
    ),
)
