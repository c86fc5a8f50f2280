"""What must hold in notification's database. `backorder check`, the chaos run and the tests read this list."""

from __future__ import annotations

from service_kit.persistence.invariant import Invariant

INVARIANTS = (
    Invariant(
        name="one message an event",
        meaning="An event leads to no more than one message per recipient, template and channel, apart from resends"
        " that were requested; otherwise a customer receives the same mail twice.",
        sql="""
            SELECT cause, contact_id, template, channel, count(*) AS messages, min(order_id) AS order_id
            FROM notification WHERE resend_of IS NULL
            GROUP BY cause, contact_id, template, channel HAVING count(*) > 1
        """,
    ),
)
