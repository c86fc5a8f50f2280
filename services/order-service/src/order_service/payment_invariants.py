"""What must hold about money in the order service's database; part of `INVARIANTS`."""

from __future__ import annotations

from service_kit.persistence.invariant import Invariant

_OPEN = "('stored', 'unknown', 'pending', 'action_required')"
_EXCUSED = "p.grace_until IS NOT NULL OR p.state IN ('owed', 'manual_refund', 'declined', 'action_required')"
"""In grace, or owed, or to be given back by hand: then money need not be where it ought to be."""

_DISPUTED = """(
    SELECT coalesce(sum(amount), 0) FROM payment_dispute d WHERE d.payment_id = p.payment_id AND d.state <> 'won'
)"""

PAYMENT_INVARIANTS = (
    Invariant(
        name="payments: entries add up",
        meaning="The entries of everything that happened to money add up to nothing; otherwise money was made or lost"
        " in the books.",
        sql="""
            SELECT payment_id, source, sum(amount) AS left_over FROM money_entry
            GROUP BY payment_id, source HAVING sum(amount) <> 0
        """,
    ),
    Invariant(
        name="payments: figures follow attempts",
        meaning="What a payment says was taken and given back is what its attempts took and gave back; otherwise"
        " somebody is charged or refunded by a wrong figure.",
        sql="""
            SELECT p.payment_id, p.captured, a.captured AS by_attempts, p.refunded, a.refunded AS refunded_by_attempts
            FROM payment p CROSS JOIN LATERAL (
                SELECT coalesce(sum(amount) FILTER (WHERE kind IN ('charge', 'capture')), 0) AS captured,
                       coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS refunded
                FROM payment_attempt WHERE payment_id = p.payment_id AND state = 'succeeded'
            ) a WHERE (p.captured, p.refunded) <> (a.captured, a.refunded)
        """,
    ),
    Invariant(
        name="payments: entries follow attempts",
        meaning="What the books say is with the provider was taken, and neither given back nor disputed; otherwise the"
        " books and the attempts tell different stories.",
        sql=f"""
            SELECT p.payment_id, e.with_provider, p.captured - p.refunded - {_DISPUTED} AS by_attempts
            FROM payment p CROSS JOIN LATERAL (
                SELECT coalesce(sum(amount), 0) AS with_provider FROM money_entry
                WHERE payment_id = p.payment_id AND account = 'provider'
            ) e WHERE e.with_provider <> p.captured - p.refunded - {_DISPUTED}
        """,
    ),
    Invariant(
        name="payments: taken as due",
        meaning="What was taken and not given back is what is due, unless the customer has time left, owes for what has"
        " shipped, or their bank disputes it; otherwise somebody has paid too much or too little.",
        sql=f"""
            SELECT p.payment_id, p.order_id, p.due, p.captured, p.refunded, p.state
            FROM payment p
            WHERE p.captured - p.refunded <> p.due AND NOT ({_EXCUSED})
              AND NOT (p.captured - p.refunded > p.due AND {_DISPUTED} > 0)
        """,
        only_at_rest=True,
    ),
    Invariant(
        name="payments: held as due",
        meaning="What is held is what is allocated and has not shipped; otherwise a customer's money is blocked for"
        " nothing, or goods wait that nobody may ship.",
        sql=f"""
            SELECT p.payment_id, p.order_id, p.held, p.held_due, p.state FROM payment p
            WHERE p.held <> p.held_due AND NOT ({_EXCUSED})
        """,
        only_at_rest=True,
    ),
    Invariant(
        name="payments: one open attempt",
        meaning="At most one attempt of a payment is open; otherwise a customer may be charged twice.",
        sql=f"""
            SELECT payment_id, array_agg(attempt_id) AS open FROM payment_attempt
            WHERE state IN {_OPEN} GROUP BY payment_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        name="payments: refunds within charges",
        meaning="No charge is refunded, and disputed, beyond what it took; otherwise a customer gets back more than"
        " they paid.",
        sql="""
            SELECT c.payment_id, c.attempt_id, c.amount, r.given FROM payment_attempt c CROSS JOIN LATERAL (
                SELECT coalesce(sum(amount), 0) AS given FROM payment_attempt
                WHERE payment_id = c.payment_id AND kind = 'refund' AND of = c.attempt_id
                  AND state IN ('succeeded', 'stored', 'unknown', 'pending')
            ) r WHERE c.kind IN ('charge', 'capture') AND r.given > c.amount
        """,
    ),
    Invariant(
        name="payments: no refund overdue",
        meaning="What is to be given back is given back by the day that the law names; otherwise the merchant breaks"
        " the law, and the customer waits for their money.",
        sql="""
            SELECT payment_id, order_id, refund_due, refund_due_by, state FROM payment
            WHERE refund_due > 0 AND refund_due_by < now()
        """,
    ),
    Invariant(
        name="payments: nothing unpaid in hand",
        meaning="A line whose order is paid here ships no more than is paid or held, unless that is owed; otherwise"
        " goods have left for nothing, and nobody asks for the money.",
        sql="""
            SELECT l.order_id, l.line_id, l.shipped, l.charged, l.held, p.state
            FROM order_line l JOIN payment p USING (order_id)
            WHERE l.shipped > l.charged + l.held AND l.unit_price > 0 AND p.captured - p.refunded >= p.due
              AND NOT EXISTS (SELECT FROM payment_dispute d WHERE d.payment_id = p.payment_id)
        """,
        only_at_rest=True,
    ),
)
