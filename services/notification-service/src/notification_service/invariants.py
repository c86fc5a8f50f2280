"""What must hold in notification's database. `backorder check`, the chaos run and the tests read this list."""

from __future__ import annotations

from service_kit.persistence.invariant import Invariant
from service_kit.persistence.untidy_names import names_query

# What the customer can know of a line, as `LineProjection.current` counts it.
_LINES = """
    SELECT order_id, line_id, told_allocated, told_waiting, told_declined, told_cancelled, told_promise_date,
           allocated, least(waiting, open) AS waiting, least(declined, open) AS declined, cancelled,
           CASE WHEN least(waiting, open) > 0 OR least(allocated, quantity - cancelled) > shipped
                THEN promise_date END AS promise_date
    FROM (SELECT *, greatest(0, quantity - cancelled - shipped) AS open FROM watched_line) AS line
"""

INVARIANTS = (
    Invariant(
        name="customers: told or about to be",
        meaning="Where an order stands otherwise than its customer was last told, a message is due; otherwise the"
        " customer hears nothing of a change, and learns of it by waiting in vain.",
        sql=f"""
            SELECT order_id, line_id, told_allocated, allocated, told_waiting, waiting, told_declined, declined,
                   told_cancelled, cancelled, told_promise_date, promise_date
            FROM ({_LINES}) AS line JOIN watched_order USING (order_id)
            WHERE contact_id IS NOT NULL AND sequence >= 0 AND due_at IS NULL
              AND (allocated, waiting, declined, cancelled, promise_date) IS DISTINCT FROM
                  (told_allocated, told_waiting, told_declined, told_cancelled, told_promise_date)
        """,
    ),
    Invariant(
        name="customers: told by a message",
        meaning="An order of which something counts as told has at least one message; otherwise the record says that"
        " the customer knows, and nobody ever wrote.",
        sql="""
            SELECT order_id, cause FROM watched_order AS o
            WHERE contact_id IS NOT NULL AND cause IS NOT NULL AND due_at IS NULL
              AND EXISTS (SELECT FROM watched_line AS l WHERE l.order_id = o.order_id
                          AND l.told_allocated + l.told_waiting + l.told_declined + l.told_cancelled > 0)
              AND NOT EXISTS (SELECT FROM notification AS n WHERE n.order_id = o.order_id)
        """,
    ),
    Invariant(
        name="messages: an end or a next attempt",
        meaning="A message has either ended, or a moment at which it is tried again; otherwise it lies there for ever"
        " and nobody sees that it was never sent.",
        sql="""
            SELECT order_id, notification_id, state, next_attempt_at, finished_at, reason FROM notification
            WHERE (state IN ('pending', 'waiting_for_contact')) <> (next_attempt_at IS NOT NULL)
               OR (state IN ('pending', 'waiting_for_contact')) <> (finished_at IS NULL)
               OR (state = 'failed' AND reason IS NULL)
        """,
    ),
    Invariant(
        name="webhooks: an end or a next attempt",
        meaning="The delivery of an event to an endpoint was made, has failed for all to see, or has a moment at which"
        " it is tried again; otherwise a subscriber misses an event and nobody knows.",
        sql="""
            SELECT d.endpoint_id, d.event_id, d.state, d.attempts, d.next_attempt_at, d.finished_at, d.last_error
            FROM webhook_delivery AS d JOIN webhook_endpoint AS e USING (endpoint_id)
            WHERE (d.state = 'pending' AND e.enabled AND d.next_attempt_at IS NULL)
               OR (d.state <> 'pending') <> (d.finished_at IS NOT NULL)
               OR (d.state = 'failed' AND d.last_error IS NULL AND d.last_status IS NULL)
        """,
    ),
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
    Invariant(
        name="notices: one an offer",
        meaning="An offer of a delay has one notice, apart from resends that were requested; otherwise a customer is"
        " asked twice, and the two may say different things.",
        sql="""
            SELECT cause AS offer_id, count(*) AS notices, min(order_id) AS order_id FROM notification
            WHERE template = 'delay_notice' AND resend_of IS NULL GROUP BY cause HAVING count(*) > 1
        """,
    ),
    Invariant(
        name="contacts: names in one form",
        meaning="Names of contacts are in one form; otherwise two that look alike"
        " are two, and what belongs to one is looked for at the other.",
        sql=names_query("contact", "contact", "contact_id"),
    ),
)
