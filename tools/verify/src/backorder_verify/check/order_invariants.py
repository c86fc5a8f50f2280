"""What must hold inside the order service's database."""

from __future__ import annotations

from backorder_verify.check.invariant import Invariant, in_one_database

# Open units are counted per location: a unit that left elsewhere does not use up a grant here.
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

ORDER_INVARIANTS = (
    Invariant(
        "order: line quantities",
        "at order, quantity = allocated (open) + waiting + declined + cancelled + shipped for every line",
        in_one_database(
            "order",
            f"""
            SELECT order_id, line_id, sku, quantity, allocated, waiting, declined, cancelled, shipped
            FROM ({_LINES}) line
            WHERE quantity <> allocated + waiting + declined + cancelled + shipped
            """,
        ),
    ),
    Invariant(
        "order: line sums",
        "at order, a line's stored allocated and shipped units are the sums over its locations",
        in_one_database(
            "order",
            f"""
            SELECT order_id, line_id, stored_allocated, allocated, shipped, shipped_by_location
            FROM ({_LINES}) line
            WHERE stored_allocated <> allocated OR shipped <> shipped_by_location
            """,
        ),
    ),
    Invariant(
        "order: nothing pending",
        "allocation has answered the newest state of every line: basis = the order's sequence",
        in_one_database(
            "order",
            f"SELECT order_id, line_id, sku, basis, sequence FROM ({_LINES}) line WHERE basis < sequence",
        ),
    ),
    Invariant(
        "order: cancelled or allocated",
        "no line is both cancelled and allocated: open grants fit what is neither cancelled nor shipped",
        in_one_database(
            "order",
            f"""
            SELECT order_id, line_id, sku, quantity, cancelled, shipped, allocated
            FROM ({_LINES}) line
            WHERE allocated > 0 AND allocated + cancelled + shipped > quantity
            """,
        ),
    ),
    Invariant(
        "order: shipped once",
        "a line's shipped units are the sum of its shipments per location, and no more than were ordered",
        in_one_database(
            "order",
            """
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
    ),
)
