"""What must hold inside allocation's database: lines, queue, counters, and no stock idle before a waiter."""

from __future__ import annotations

from backorder_verify.check.idle_stock import idle_unless_kept
from backorder_verify.check.invariant import Invariant, in_one_database

_LINES = """
    SELECT d.order_id, d.line_id, d.sku, d.quantity, d.cancelled, d.declined, d.undecided, d.granted_units,
           d.live_units - d.granted_units AS waiting, coalesce(c.granted, 0) AS committed,
           coalesce(c.shipped, 0) AS shipped, coalesce(q.queued, 0) AS queued
    FROM demand d
    LEFT JOIN (
        SELECT line_id, sum(granted)::bigint AS granted, sum(shipped)::bigint AS shipped
        FROM commitment GROUP BY line_id
    ) c USING (line_id)
    LEFT JOIN (SELECT line_id, sum(quantity)::bigint AS queued FROM queue_entry GROUP BY line_id) q USING (line_id)
"""

_FREE = """
    SELECT sku, sum(greatest(0, on_hand + shipped - granted))::bigint AS free FROM stock_level GROUP BY sku
"""


def _in_allocation(name: str, statement: str, query: str) -> Invariant:
    return Invariant(f"allocation: {name}", statement, in_one_database("allocation", query))


ALLOCATION_INVARIANTS = (
    _in_allocation(
        "line quantities",
        "at allocation, quantity = allocated (open) + waiting + declined + cancelled + shipped for every line",
        f"""
        SELECT order_id, line_id, sku, quantity, granted_units - shipped AS allocated, waiting, declined, cancelled,
               shipped
        FROM ({_LINES}) line
        WHERE quantity <> granted_units + waiting + declined + cancelled
        """,
    ),
    _in_allocation(
        "line sums",
        "a line's granted units are the sum of its commitments, its queued units the sum of its queue entries",
        f"""
        SELECT order_id, line_id, granted_units, committed, waiting, undecided, queued
        FROM ({_LINES}) line
        WHERE granted_units <> committed OR waiting - undecided <> queued
        """,
    ),
    _in_allocation(
        "cancelled or allocated",
        "no line is both cancelled and allocated: grants fit what is not cancelled",
        f"""
        SELECT order_id, line_id, sku, quantity, cancelled, granted_units
        FROM ({_LINES}) line
        WHERE granted_units > shipped AND granted_units + cancelled > quantity
        """,
    ),
    _in_allocation(
        "granted counter",
        "the granted counter of a (SKU, location) is the sum of its commitments",
        """
        SELECT sku, location, coalesce(l.granted, 0) AS counter, coalesce(c.granted, 0) AS commitments
        FROM stock_level l
        FULL JOIN (
            SELECT sku, location, sum(granted)::bigint AS granted FROM commitment GROUP BY sku, location
        ) c USING (sku, location)
        WHERE coalesce(l.granted, 0) <> coalesce(c.granted, 0)
        """,
    ),
    _in_allocation(
        "waiting counter",
        "the waiting counter of a SKU is the sum of its queue entries",
        """
        SELECT sku, coalesce(s.waiting_units, 0) AS counter, coalesce(q.units, 0) AS queued
        FROM sku s
        FULL JOIN (SELECT sku, sum(quantity)::bigint AS units FROM queue_entry GROUP BY sku) q USING (sku)
        WHERE coalesce(s.waiting_units, 0) <> coalesce(q.units, 0)
        """,
    ),
    _in_allocation(
        "promised buckets",
        "the units promised by a date are the sum of the waiting units with that date",
        """
        SELECT sku, promise_date, coalesce(p.units, 0) AS bucket, coalesce(q.units, 0) AS waiting
        FROM promised p
        FULL JOIN (
            SELECT sku, promise_date, sum(quantity)::bigint AS units
            FROM queue_entry WHERE promise_date IS NOT NULL GROUP BY sku, promise_date
        ) q USING (sku, promise_date)
        WHERE coalesce(p.units, 0) <> coalesce(q.units, 0)
        """,
    ),
    idle_unless_kept(
        "allocation: no idle stock",
        "no unit is free while a demand waits that may take it in parts, unless a policy keeps it",
        f"""
        SELECT array[q.sku] AS skus, f.free, count(*) AS waiting_entries, min(q.line_id) AS a_line
        FROM queue_entry q JOIN ({_FREE}) f USING (sku) JOIN sku s USING (sku)
        WHERE f.free > 0 AND NOT q.ship_complete AND s.known
        GROUP BY q.sku, f.free
        """,
    ),
    idle_unless_kept(
        "allocation: no complete order idle",
        "no ship-complete order waits whose every open line could be filled from free stock, unless a policy keeps it",
        f"""
        SELECT order_id, array_agg(sku) AS skus
        FROM (
            SELECT order_id, sku, sum(quantity) AS needed FROM queue_entry WHERE ship_complete GROUP BY order_id, sku
        ) need
        LEFT JOIN ({_FREE}) f USING (sku) LEFT JOIN sku s USING (sku)
        GROUP BY order_id
        HAVING bool_and(coalesce(f.free, 0) >= need.needed AND coalesce(s.known, false))
        """,
    ),
    _in_allocation(
        "complete or nothing",
        "a ship-complete order that waits holds no stock that has not left",
        f"""
        SELECT order_id, sum(waiting) AS waiting, sum(granted_units - shipped) AS held
        FROM ({_LINES}) line JOIN customer_order USING (order_id)
        WHERE ship_complete
        GROUP BY order_id
        HAVING sum(waiting) > 0 AND sum(granted_units - shipped) > 0
        """,
    ),
    _in_allocation(
        "loans owed",
        "a line waits for all that it lent and has not got back, and a SKU counts its open loans",
        """
        SELECT l.sku, l.lender_line AS line_id, l.owed, coalesce(q.queued, 0) AS queued, l.loans, s.open_loans
        FROM (
            SELECT sku, lender_line, sum(units - repaid_units - void_units)::bigint AS owed,
                   (sum(count(*)) OVER (PARTITION BY sku))::bigint AS loans
            FROM loan WHERE closed_at IS NULL GROUP BY sku, lender_line
        ) l
        LEFT JOIN (
            SELECT line_id, sum(quantity)::bigint AS queued FROM queue_entry GROUP BY line_id
        ) q ON q.line_id = l.lender_line
        FULL JOIN sku s ON s.sku = l.sku
        WHERE coalesce(l.owed, 0) > coalesce(q.queued, 0) OR coalesce(l.loans, 0) <> coalesce(s.open_loans, 0)
        """,
    ),
    _in_allocation(
        "everything decided",
        "no order is due to be decided again, and no demand on a known SKU is undecided",
        """
        SELECT order_id, NULL AS line_id, 'recheck' AS what FROM recheck
        UNION ALL
        SELECT d.order_id, d.line_id, 'undecided' FROM demand d JOIN sku s USING (sku) WHERE d.undecided > 0 AND s.known
        """,
    ),
)
