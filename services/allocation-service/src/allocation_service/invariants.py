"""What must hold in allocation's database. `backorder check`, the chaos run and the tests read this list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.allocating.find_kept_stock import find_kept_stock
from allocation_service.application.session.options import Options
from allocation_service.domain.promising.promise_revision import HELD_DAYS
from allocation_service.domain.supply.sku import Sku
from allocation_service.wording.reason_words import published_words
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.persistence.database import Database
from service_kit.persistence.invariant import Invariant, Violation

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
    SELECT sku, sum(greatest(0, on_hand + shipped - granted))::bigint AS free FROM stock_level WHERE active GROUP BY sku
"""


async def _not_withheld(database: Database, rows: Sequence[Violation]) -> Sequence[Violation]:
    """The rows none of whose `skus` is withheld by its policy: a policy may keep stock for better uses."""
    skus = {sku for row in rows for sku in _skus(row)}
    # Without an order that ships complete, no promise keeps stock from those who come after it.
    alone = {sku for row in rows if row.get("complete_order_waits") is False for sku in _skus(row)}
    units = SqlUnitOfWorkFactory(database, SqlAllocationUnitOfWork)
    withheld = await find_kept_stock(units, Options(published_words), skus, kept_by_policy_only=alone)
    return [row for row in rows if not withheld.intersection(_skus(row))]


async def _counted_on(database: Database, rows: Sequence[Violation]) -> Sequence[Violation]:
    """The rows of SKUs of which so much can be counted on: where dates are learned, less may be than is announced."""
    units = SqlUnitOfWorkFactory(database, SqlAllocationUnitOfWork)
    async with units.reading() as uow:
        skus = await uow.store.peek_skus([str(row["sku"]) for row in rows])
    return [row for row in rows if _covers(skus[str(row["sku"])], row)]


def _covers(sku: Sku, row: Violation) -> bool:
    if sku.reliance is None or sku.last_now is None:
        return True
    coming = sum(one.units for one in sku.expected(sku.last_now, grace_days=0, on_hand=0))
    return coming - cast(int, row["backed"]) >= cast(int, row["waiting"])


def _skus(row: Violation) -> list[str]:
    return cast(list[str], row["skus"])


_LINE_INVARIANTS = (
    Invariant(
        name="allocation: line quantities",
        meaning="Every line's quantity is the sum of its committed, waiting, declined and cancelled units, shipped"
        " ones counting as committed; otherwise units that a customer ordered are lost or sold twice.",
        sql=f"""
            SELECT order_id, line_id, sku, quantity, granted_units - shipped AS allocated, waiting, declined, cancelled,
                   shipped
            FROM ({_LINES}) line
            WHERE quantity <> granted_units + waiting + declined + cancelled
        """,
    ),
    Invariant(
        name="allocation: line sums",
        meaning="A line's committed units are the sum of its commitments and its queued units the sum of its queue"
        " entries; otherwise a customer waits for units already given, or never gets those still owed.",
        sql=f"""
            SELECT order_id, line_id, granted_units, committed, waiting, undecided, queued
            FROM ({_LINES}) line
            WHERE granted_units <> committed OR waiting - undecided <> queued
        """,
    ),
    Invariant(
        name="allocation: cancelled or allocated",
        meaning="A line's commitments fit into the units that are not cancelled; otherwise stock is kept for units"
        " that nobody wants any more.",
        sql=f"""
            SELECT order_id, line_id, sku, quantity, cancelled, granted_units
            FROM ({_LINES}) line
            WHERE granted_units > shipped AND granted_units + cancelled > quantity
        """,
    ),
    Invariant(
        name="allocation: complete or nothing",
        meaning="A ship-complete order that still waits holds no unshipped stock, unless it is about to be decided"
        " again; otherwise stock lies useless while others could be served with it.",
        sql=f"""
            SELECT order_id, sum(waiting) AS waiting, sum(granted_units - shipped) AS held
            FROM ({_LINES}) line JOIN customer_order USING (order_id)
            WHERE ship_complete AND NOT EXISTS (SELECT FROM recheck r WHERE r.order_id = line.order_id)
            GROUP BY order_id
            HAVING sum(waiting) > 0 AND sum(granted_units - shipped) > 0
        """,
    ),
    Invariant(
        name="allocation: everything decided",
        meaning="No order is due to be decided again and no demand for a known SKU is undecided; otherwise a customer"
        " hears neither yes nor no.",
        sql="""
            SELECT order_id, NULL AS line_id, 'recheck' AS what FROM recheck
            UNION ALL
            SELECT d.order_id, d.line_id, 'undecided'
            FROM demand d JOIN sku s USING (sku) WHERE d.undecided > 0 AND s.known
        """,
        only_at_rest=True,
    ),
)

_COUNTER_INVARIANTS = (
    Invariant(
        name="allocation: granted counter",
        meaning="The granted counter of a SKU at a location is the sum of its commitments there; otherwise free stock"
        " is miscounted, and units are sold twice or not at all.",
        sql="""
            SELECT sku, location, coalesce(l.granted, 0) AS counter, coalesce(c.granted, 0) AS commitments
            FROM stock_level l
            FULL JOIN (
                SELECT sku, location, sum(granted)::bigint AS granted FROM commitment GROUP BY sku, location
            ) c USING (sku, location)
            WHERE coalesce(l.granted, 0) <> coalesce(c.granted, 0)
        """,
    ),
    Invariant(
        name="allocation: waiting counter",
        meaning="The waiting counter of a SKU is the sum of its queue entries; otherwise backorder caps decline orders"
        " too early or too late.",
        sql="""
            SELECT sku, coalesce(s.waiting_units, 0) AS counter, coalesce(q.units, 0) AS queued
            FROM sku s
            FULL JOIN (SELECT sku, sum(quantity)::bigint AS units FROM queue_entry GROUP BY sku) q USING (sku)
            WHERE coalesce(s.waiting_units, 0) <> coalesce(q.units, 0)
        """,
    ),
    Invariant(
        name="allocation: promised buckets",
        meaning="The units promised for a date are the sum of the waiting units with that date; otherwise later"
        " orders are promised dates that the supply cannot keep.",
        sql="""
            SELECT sku, promise_date, coalesce(p.units, 0) AS bucket, coalesce(q.units, 0) AS waiting,
                   coalesce(p.backed_units, 0) AS backed_bucket, coalesce(q.backed, 0) AS backed
            FROM promised p
            FULL JOIN (
                SELECT sku, promise_date, sum(quantity)::bigint AS units,
                       coalesce(sum(quantity) FILTER (WHERE backed), 0)::bigint AS backed
                FROM queue_entry WHERE promise_date IS NOT NULL GROUP BY sku, promise_date
            ) q USING (sku, promise_date)
            WHERE (coalesce(p.units, 0), coalesce(p.backed_units, 0)) <> (coalesce(q.units, 0), coalesce(q.backed, 0))
        """,
    ),
    Invariant(
        name="allocation: claim counters",
        meaning="The units that claim supply from a date are the sum of the waiting units with that claim; otherwise"
        " the promises of some are kept at the expense of others who were promised the same supply before.",
        sql="""
            SELECT sku, claim_date, coalesce(c.units, 0) AS counter, coalesce(q.units, 0) AS waiting,
                   coalesce(c.backed_units, 0) AS backed_counter, coalesce(q.backed, 0) AS backed
            FROM claimed c
            FULL JOIN (
                SELECT sku, claim_date, sum(quantity)::bigint AS units,
                       coalesce(sum(quantity) FILTER (WHERE backed), 0)::bigint AS backed
                FROM queue_entry GROUP BY sku, claim_date
            ) q USING (sku, claim_date)
            WHERE (coalesce(c.units, 0), coalesce(c.backed_units, 0)) <> (coalesce(q.units, 0), coalesce(q.backed, 0))
        """,
    ),
    Invariant(
        name="allocation: queue promises",
        meaning="A queue entry has the promise of its line, and what backs it; otherwise the queue is served by other"
        " dates than customers were promised.",
        sql="""
            SELECT d.order_id, d.line_id, d.sku, d.promise_date AS promised, q.promise_date AS queued_with,
                   d.claim_date, q.claim_date AS queued_with_claim, d.backed, q.backed AS queued_as_backed
            FROM demand d JOIN queue_entry q USING (line_id)
            WHERE (d.promise_date, d.claim_date, d.backed) IS DISTINCT FROM (q.promise_date, q.claim_date, q.backed)
        """,
    ),
)

_KNOWN_SUPPLY = """
    SELECT i.sku, i.remaining AS units,
           CASE WHEN i.eta < date_trunc('day', s.last_now, 'UTC') THEN DATE '-infinity'
                ELSE (i.eta AT TIME ZONE 'UTC')::date END AS day
    FROM inbound i JOIN sku s USING (sku) WHERE i.remaining > 0 AND i.eta IS NOT NULL
"""
"""What is still to come, by day; what is overdue may come any day."""

_PROMISE_INVARIANTS = (
    Invariant(
        name="allocation: backed by known supply",
        meaning="The units that are backed and promised by a day fit into what is free and expected by then; otherwise"
        " a promise is broken already, and the customer has not been told.",
        sql=f"""
            SELECT p.sku, p.promise_date, p.backed, coalesce(free.free, 0) + coalesce(coming.units, 0) AS supply
            FROM (
                SELECT sku, promise_date, sum(backed_units) OVER (PARTITION BY sku ORDER BY promise_date) AS backed
                FROM promised
            ) p
            JOIN sku s USING (sku)
            CROSS JOIN lateness_state state
            LEFT JOIN ({_FREE}) free USING (sku)
            LEFT JOIN LATERAL (
                SELECT sum(units) AS units FROM ({_KNOWN_SUPPLY}) known
                WHERE known.sku = p.sku AND known.day <= p.promise_date
                      + CASE WHEN coalesce(s.promise_target, state.default_target) IS NULL THEN 0 ELSE {HELD_DAYS} END
            ) coming ON true
            WHERE p.backed > coalesce(free.free, 0) + coalesce(coming.units, 0)
        """,
    ),
    Invariant(
        name="allocation: known supply backs in turn",
        meaning="Supply that is announced and backs nobody would not cover all units of the first who is not backed;"
        " otherwise that customer can be passed by a later one who is promised it.",
        sql=f"""
            SELECT sku, first.line_id, first.units AS waiting, known.units AS expected, backed.units AS backed
            FROM (SELECT sku, sum(units) AS units FROM ({_KNOWN_SUPPLY}) one GROUP BY sku) known
            JOIN (SELECT sku, sum(backed_units) AS units FROM claimed GROUP BY sku) backed USING (sku)
            CROSS JOIN LATERAL (
                SELECT q.line_id, (SELECT sum(quantity) FROM queue_entry e WHERE e.line_id = q.line_id) AS units
                FROM queue_entry q WHERE q.sku = known.sku AND NOT q.backed
                ORDER BY claim_date, queued_at, line_id LIMIT 1
            ) first
            WHERE known.units - backed.units >= first.units
        """,
        confirm=_counted_on,
    ),
    Invariant(
        name="allocation: outcomes of first dates",
        meaning="Every first date that was named by a table of lateness is judged once its day is over, kept or missed,"
        " and learned from once; otherwise dates are named by a share of kept promises that is not true.",
        sql="""
            SELECT d.line_id, d.sku, NULL AS state, NULL AS first_date, 'has no first date' AS fault
            FROM demand d LEFT JOIN first_promise f USING (line_id)
            WHERE d.promise_basis IS NOT NULL AND d.promise_revision = 1 AND f.line_id IS NULL
            UNION ALL
            SELECT f.line_id, f.sku, f.state, f.first_date, 'is not judged'
            FROM first_promise f CROSS JOIN lateness_state s WHERE f.state = 'open' AND f.first_date < s.built_for - 1
            UNION ALL
            SELECT line_id, sku, state, first_date, 'was kept' FROM first_promise
            WHERE state = 'missed' AND served_on <= first_date
            UNION ALL
            SELECT basis, target::text, due::text, NULL, 'differs from what was learned: ' || coalesce(l.outcomes, 0)
            FROM (
                SELECT basis, target, count(*) AS due FROM first_promise WHERE state IN ('kept', 'missed') GROUP BY 1, 2
            ) f
            FULL JOIN (SELECT basis, target, outcomes FROM promise_level WHERE source = '') l USING (basis, target)
            WHERE coalesce(f.due, 0) <> coalesce(l.outcomes, 0)
        """,
    ),
)

_STOCK_INVARIANTS = (
    Invariant(
        name="allocation: granted within supply",
        meaning="Where a commitment has not been shipped, all commitments fit into the supply, on hand plus shipped;"
        " otherwise a unit is sold twice.",
        sql="""
            SELECT sku, location, on_hand, shipped, granted
            FROM stock_level l
            WHERE on_hand + shipped < granted AND EXISTS (
                SELECT FROM commitment c WHERE c.sku = l.sku AND c.location = l.location AND c.granted > c.shipped
            )
        """,
    ),
    Invariant(
        name="allocation: no idle stock",
        meaning="No unit is free while a demand waits that may take part of its quantity, unless a policy withholds it"
        " or the SKU is about to be decided again; otherwise a customer waits for goods that are there.",
        sql=f"""
            SELECT array[q.sku] AS skus, f.free, count(*) AS waiting_entries, min(q.line_id) AS a_line,
                   EXISTS (SELECT FROM queue_entry c WHERE c.sku = q.sku AND c.ship_complete) AS complete_order_waits
            FROM queue_entry q JOIN ({_FREE}) f USING (sku) JOIN sku s USING (sku)
            WHERE f.free > 0 AND NOT q.ship_complete AND s.known
              AND NOT EXISTS (SELECT FROM recheck_sku r WHERE r.sku = q.sku)
            GROUP BY q.sku, f.free
        """,
        confirm=_not_withheld,
    ),
    Invariant(
        name="allocation: no complete order idle",
        meaning="No ship-complete order waits although free stock could fill all of its lines, unless a policy"
        " withholds it or the order is about to be decided again; otherwise it waits for goods that are there.",
        sql=f"""
            SELECT order_id, array_agg(sku) AS skus
            FROM (
                SELECT order_id, sku, sum(quantity) AS needed
                FROM queue_entry WHERE ship_complete GROUP BY order_id, sku
            ) need
            LEFT JOIN ({_FREE}) f USING (sku) LEFT JOIN sku s USING (sku)
            GROUP BY order_id
            HAVING bool_and(coalesce(f.free, 0) >= need.needed AND coalesce(s.known, false))
               AND NOT EXISTS (SELECT FROM demand d WHERE d.order_id = need.order_id AND d.undecided > 0)
               AND NOT EXISTS (SELECT FROM recheck r WHERE r.order_id = need.order_id)
        """,
        confirm=_not_withheld,
    ),
)

_LOAN_INVARIANTS = (
    Invariant(
        name="allocation: loans owed",
        meaning="A line waits for all that it lent and has not been repaid, and a SKU counts its open loans; otherwise"
        " a customer who lent stock never gets it back.",
        sql="""
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
    Invariant(
        name="allocation: loan due dates",
        meaning="A loan is due on a later day than the one on which it was made; otherwise lending itself makes the"
        " shop break its promise to the lender.",
        sql="""
            SELECT loan_id, sku, lender_line AS line_id, lent_at, repay_by, needed_on
            FROM loan WHERE repay_by <= (lent_at AT TIME ZONE 'UTC')::date
        """,
    ),
)

_TIME_INVARIANTS = (
    Invariant(
        name="allocation: business times",
        meaning="No decision, order or place in a queue is dated later than now; otherwise every promise of the SKU"
        " counts from that day, and whoever ordered then is served last for ever.",
        sql="""
            SELECT 'sku' AS what, sku AS id, last_now AS at FROM sku WHERE last_now > now() + interval '15 minutes'
            UNION ALL
            SELECT 'order', order_id, placed_at FROM customer_order WHERE placed_at > now() + interval '15 minutes'
            UNION ALL
            SELECT 'queue entry', line_id, queued_at FROM queue_entry WHERE queued_at > now() + interval '15 minutes'
        """,
    ),
)

INVARIANTS = (
    *_LINE_INVARIANTS,
    *_COUNTER_INVARIANTS,
    *_PROMISE_INVARIANTS,
    *_STOCK_INVARIANTS,
    *_LOAN_INVARIANTS,
    *_TIME_INVARIANTS,
)
