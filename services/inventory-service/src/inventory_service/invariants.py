"""What must hold in inventory's database. `backorder check`, the chaos run and the tests read this list."""

from __future__ import annotations

from service_kit.persistence.invariant import Invariant

INVARIANTS = (
    Invariant(
        name="stock: ledger adds up",
        meaning="On hand and shipped of every stock level are the sums of its ledger entries; otherwise nobody can"
        " explain where units came from or went.",
        sql="""
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
    Invariant(
        name="stock: shipped by shipments",
        meaning="Shipped units of every stock level are the sum of the shipments booked there; otherwise a shipment"
        " was booked twice or not at all, and on hand is wrong.",
        sql="""
            SELECT sku, location_id, coalesce(l.shipped, 0) AS shipped, coalesce(s.quantity, 0) AS by_shipments
            FROM stock_level l
            FULL JOIN (
                SELECT sku, location_id, sum(quantity)::bigint AS quantity
                FROM shipment_line GROUP BY sku, location_id
            ) s USING (sku, location_id)
            WHERE coalesce(l.shipped, 0) <> coalesce(s.quantity, 0)
        """,
    ),
)
