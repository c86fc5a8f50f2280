"""What must hold in inventory's database. `backorder check`, the chaos run and the tests read this list."""

from __future__ import annotations

from service_kit.persistence.invariant import Invariant
from service_kit.persistence.untidy_names import names_query

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
        meaning="Shipped and voided units of every stock level are the sums of the shipments booked there; otherwise"
        " one was booked or voided twice or not at all, and on hand is wrong.",
        sql="""
            SELECT sku, location_id, coalesce(l.shipped, 0) AS shipped, coalesce(s.quantity, 0) AS by_shipments,
                   coalesce(l.voided, 0) AS voided, coalesce(s.voided, 0) AS by_voided_shipments
            FROM stock_level l
            FULL JOIN (
                SELECT coalesce(name.merged_into, line.sku) AS sku, location_id,
                       coalesce(sum(quantity) FILTER (WHERE voided_at IS NULL), 0)::bigint AS quantity,
                       coalesce(sum(quantity) FILTER (WHERE voided_at IS NOT NULL), 0)::bigint AS voided
                FROM shipment_line line LEFT JOIN sku name ON name.sku = line.sku GROUP BY 1, 2
            ) s USING (sku, location_id)
            WHERE coalesce(l.shipped, 0) <> coalesce(s.quantity, 0) OR coalesce(l.voided, 0) <> coalesce(s.voided, 0)
        """,
    ),
    Invariant(
        name="stock: business times",
        meaning="Counts, movements and purchase orders are dated no later than they were recorded; otherwise whatever"
        " happens until then seems to have been counted already, and units are sold again.",
        sql="""
            SELECT 'stock level' AS what, sku || ' at ' || location_id AS id, counted_at AS at,
                   updated_at AS recorded_at
            FROM stock_level WHERE counted_at > updated_at + interval '15 minutes'
            UNION ALL
            SELECT 'ledger entry', entry_id::text, occurred_at, recorded_at
            FROM ledger_entry WHERE occurred_at > recorded_at + interval '15 minutes'
            UNION ALL
            SELECT type, document_id, occurred_at, recorded_at
            FROM stock_document WHERE occurred_at > recorded_at + interval '15 minutes'
            UNION ALL
            SELECT 'purchase order', purchase_order_id, ordered_at, created_at
            FROM purchase_order WHERE ordered_at > created_at + interval '15 minutes'
        """,
    ),
    Invariant(
        name="inbound: plausible dates",
        meaning="Deliveries that are still expected have dates of this age; otherwise digits were read as a date, and"
        " customers are promised a day on which nothing comes.",
        sql="""
            SELECT line_id, sku, eta FROM purchase_order_line
            WHERE NOT closed AND received < quantity AND (eta < '1990-01-01Z' OR eta > updated_at + interval '20 years')
        """,
    ),
    Invariant(
        name="stock: names in one form",
        meaning="Names of SKUs, locations, suppliers and documents are in one form; otherwise two that look alike"
        " are two, and what belongs to one is looked for at the other.",
        sql=" UNION ALL ".join(
            (
                names_query("SKU", "sku", "sku"),
                names_query("location", "location", "location_id"),
                names_query("supplier", "supplier", "supplier_id"),
                names_query("purchase order", "purchase_order", "reference"),
                names_query("document", "stock_document", "reference"),
            )
        ),
    ),
)
