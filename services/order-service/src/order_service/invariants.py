"""What must hold in the order service's database. `backorder check`, the chaos run and the tests read this list."""

from __future__ import annotations

from order_service.adapters.promises.judging_again import find_overdue_lines
from order_service.domain.promises.jurisdictions import Jurisdiction
from order_service.payment_invariants import PAYMENT_INVARIANTS
from service_kit.persistence.invariant import Invariant
from service_kit.persistence.untidy_names import names_query

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
        meaning="A line's shipped units are the sum of its shipments per location that were not voided, and no more"
        " than were ordered and not cancelled; otherwise a customer receives units twice.",
        sql="""
            SELECT l.order_id, line_id, location_id, coalesce(s.shipped, 0) AS shipped_by_line,
                   coalesce(p.quantity, 0) AS shipped_by_shipments, coalesce(s.voided, 0) AS voided_by_line,
                   coalesce(p.voided, 0) AS voided_by_shipments, l.quantity, l.cancelled
            FROM line_location s
            FULL JOIN (
                SELECT line_id, location_id,
                       coalesce(sum(quantity) FILTER (WHERE voided_at IS NULL), 0)::bigint AS quantity,
                       coalesce(sum(quantity) FILTER (WHERE voided_at IS NOT NULL), 0)::bigint AS voided
                FROM shipment_line JOIN shipment USING (shipment_id) GROUP BY line_id, location_id
            ) p USING (line_id, location_id)
            LEFT JOIN order_line l USING (line_id)
            WHERE coalesce(s.shipped, 0) <> coalesce(p.quantity, 0) OR coalesce(s.voided, 0) <> coalesce(p.voided, 0)
               OR l.shipped > l.quantity - l.cancelled OR l.line_id IS NULL
        """,
    ),
    Invariant(
        name="order: business times",
        meaning="Orders, their changes and their shipments are dated no later than they were recorded, and no shipment"
        " before its order; otherwise promises count from a day that has not come, or units seem to have left before"
        " somebody counted them.",
        sql="""
            SELECT order_id, NULL AS shipment_id, placed_at, changed_at AS at, updated_at AS recorded_at
            FROM customer_order
            WHERE greatest(placed_at, changed_at) > updated_at + interval '15 minutes'
            UNION ALL
            SELECT order_id, shipment_id, placed_at, shipped_at, recorded_at
            FROM shipment JOIN customer_order USING (order_id)
            WHERE shipped_at < placed_at OR shipped_at > recorded_at + interval '15 minutes'
        """,
    ),
    Invariant(
        name="promises: every open line",
        meaning="Every open line of an order under a consumer law has a record of the day that binds; otherwise that"
        " day passes and nobody offers the customer to cancel.",
        sql=f"""
            SELECT o.order_id, l.line_id, o.jurisdiction FROM order_line l JOIN customer_order o USING (order_id)
            WHERE o.jurisdiction IN ({", ".join(f"'{one}'" for one in Jurisdiction)}) AND l.basis > 0
              AND l.quantity - l.cancelled - l.declined - l.shipped > 0
              AND NOT EXISTS (SELECT FROM promise_record r WHERE r.line_id = l.line_id)
        """,
        only_at_rest=True,
    ),
    Invariant(
        name="promises: revisions gapless",
        meaning="The records of a line are numbered from 1 without gaps; otherwise a date that was told is missing from"
        " what a court would be shown.",
        sql="""
            SELECT line_id, min(revision) AS first, max(revision) AS last, count(*) AS records
            FROM promise_record GROUP BY line_id HAVING min(revision) <> 1 OR max(revision) <> count(*)
        """,
    ),
    Invariant(
        name="promises: newest is allocation's",
        meaning="The newest record of a waiting line is the newest date that allocation named; otherwise the customer"
        " was told another date than the one recorded.",
        sql="""
            SELECT l.order_id, l.line_id, l.promise_revision, max(r.promise_revision) AS recorded
            FROM order_line l JOIN promise_record r USING (line_id)
            WHERE l.waiting > 0 AND l.promise_revision IS NOT NULL
            GROUP BY l.order_id, l.line_id, l.promise_revision
            HAVING max(r.promise_revision) IS DISTINCT FROM l.promise_revision
        """,
    ),
    Invariant(
        name="promises: verdicts recompute",
        meaning="No unit is open that the law, asked again, deems cancelled for an hour: its day passed without an"
        " offer that was sent in time and still holds; otherwise the customer's money is kept against the law.",
        sql="""
            SELECT l.order_id, l.line_id FROM order_line l JOIN customer_order o USING (order_id)
            WHERE l.quantity - l.cancelled - l.declined - l.shipped > 0
              AND (o.jurisdiction IS NOT NULL OR o.latest_acceptable_date IS NOT NULL)
              AND EXISTS (SELECT FROM promise_record r WHERE r.line_id = l.line_id AND r.date < now())
            ORDER BY l.order_id, l.line_id
        """,
        confirm=find_overdue_lines,
        only_at_rest=True,
    ),
    Invariant(
        name="refunds: of cancelled units",
        meaning="Rights to refunds are about units that are cancelled, each once; otherwise money is sent back for what"
        " is still to be shipped.",
        sql="""
            SELECT l.order_id, l.line_id, l.cancelled, sum(r.units)::bigint AS refunded
            FROM refund_right r JOIN order_line l USING (line_id)
            GROUP BY l.order_id, l.line_id, l.cancelled HAVING sum(r.units) > l.cancelled
        """,
    ),
    Invariant(
        name="order: names in one form",
        meaning="Names of orders and shipments are in one form; otherwise two that look alike"
        " are two, and what belongs to one is looked for at the other.",
        sql=" UNION ALL ".join(
            (
                names_query("order", "customer_order", "reference"),
                names_query("shipment", "shipment", "reference"),
                names_query("SKU", "sku", "sku"),
            )
        ),
    ),
    *PAYMENT_INVARIANTS,
)
