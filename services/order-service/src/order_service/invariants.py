"""What must hold in the order service's database. `backorder check`, the chaos run and the tests read this list."""

from __future__ import annotations

from service_kit.persistence.invariant import Invariant

# Open units are counted per location: a unit that was shipped from elsewhere does not use up an allocation here.
_LINES = """
    SELECT l.order_id, l.line_id, l.sku, l.quantity, coalesce(p.open, 0) AS allocated, l.waiting, l.declined,
           l.cancelled, l.shipped, l.allocated AS stored_allocated, coalesce(p.shipped, 0) AS shipped_by_location,
           l.basis, o.sequence
    FROM order_line l
    JOIN customer_order o USING (order_id)
    LEFT JOIN (
        SELECT line_id, sum(greatest(0, allocated - shipped))::bigint AS open, sum(shipped)::bigint AS shipped
        FROM line_location GROUP BY line_id
    ) p USING (line_id)
"""

INVARIANTS = (
    Invariant(
        name="order: line quantities",
        meaning="Every order line's quantity is the sum of its allocated, waiting, declined, cancelled and shipped"
        " units; otherwise units that a customer ordered are lost or sold twice.",
        sql=f"""
            SELECT order_id, line_id, sku, quantity, allocated, waiting, declined, cancelled, shipped
            FROM ({_LINES}) line
            WHERE quantity <> allocated + waiting + declined + cancelled + shipped
        """,
        only_at_rest=True,
    ),
    Invariant(
        name="order: line sums",
        meaning="A line's allocated and shipped units are the sums over its locations; otherwise the order page and"
        " the warehouse's pick list disagree.",
        sql=f"""
            SELECT order_id, line_id, stored_allocated, allocated, shipped, shipped_by_location
            FROM ({_LINES}) line
            WHERE stored_allocated <> allocated OR shipped <> shipped_by_location
        """,
    ),
    Invariant(
        name="order: nothing pending",
        meaning="Allocation has answered the newest state of every line; otherwise a customer waits for a decision"
        " that will never come.",
        sql=f"SELECT order_id, line_id, sku, basis, sequence FROM ({_LINES}) line WHERE basis < sequence",
        only_at_rest=True,
    ),
    Invariant(
        name="order: cancelled or allocated",
        meaning="A line's open allocations fit into the units that are neither cancelled nor shipped; otherwise stock"
        " is kept for units that nobody wants any more.",
        sql=f"""
            SELECT order_id, line_id, sku, quantity, cancelled, shipped, allocated
            FROM ({_LINES}) line
            WHERE allocated > 0 AND allocated + cancelled + shipped > quantity
        """,
        only_at_rest=True,
    ),
    Invariant(
        name="order: shipped once",
        meaning="A line's shipped units are the sum of its shipments per location and no more than were ordered and"
        " not cancelled; otherwise a customer receives units twice.",
        sql="""
            SELECT l.order_id, line_id, location_id, coalesce(s.shipped, 0) AS shipped_by_line,
                   coalesce(p.quantity, 0) AS shipped_by_shipments, l.quantity, l.cancelled
            FROM line_location s
            FULL JOIN (
                SELECT line_id, location_id, sum(quantity)::bigint AS quantity
                FROM shipment_line JOIN shipment USING (shipment_id) GROUP BY line_id, location_id
            ) p USING (line_id, location_id)
            LEFT JOIN order_line l USING (line_id)
            WHERE coalesce(s.shipped, 0) <> coalesce(p.quantity, 0) OR l.shipped > l.quantity - l.cancelled
               OR l.line_id IS NULL
        """,
    ),
)
