"""Decision times that lie ahead of the clock are set back, and so are the places in queues that were dated by them."""

from alembic import op

revision = "0012"
down_revision = "0011"

# Callers could state any time (protocol rule 20): an order of the year 2062 dated every later decision about its SKUs.
# Decisions do not go by such a time any more, wherever it is stored; here it is put right where it is shown, or orders
# a queue. Few rows are touched, if any. Their SKUs are locked first, as every decision does.
STATEMENTS = (
    "UPDATE sku SET last_now = now() WHERE last_now > now() + interval '15 minutes'",
    "UPDATE recheck SET cause_time = now() WHERE cause_time > now() + interval '15 minutes'",
    """
    CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
    SELECT line_id, sku, was, now() + row_number() OVER (PARTITION BY line_id ORDER BY was) * interval '1 microsecond'
           AS becomes
    FROM (
        SELECT line_id, sku, queued_at AS was FROM demand WHERE layers IS NULL
        UNION
        SELECT line_id, sku, CAST(layer ->> 0 AS timestamptz)
        FROM demand CROSS JOIN jsonb_array_elements(layers) AS layer WHERE layers IS NOT NULL
    ) AS layers WHERE was > now() + interval '15 minutes'
    """,
    "SELECT sku FROM sku WHERE sku IN (SELECT sku FROM moved) ORDER BY sku FOR UPDATE",
    "UPDATE queue_entry AS q SET queued_at = becomes FROM moved AS m WHERE m.line_id = q.line_id AND was = q.queued_at",
    "UPDATE demand AS d SET queued_at = becomes FROM moved AS m WHERE m.line_id = d.line_id AND was = d.queued_at",
    """
    UPDATE demand AS d SET layers = (
        SELECT jsonb_agg(CASE WHEN becomes IS NULL THEN layer ELSE jsonb_build_array(becomes, layer -> 1) END
                         ORDER BY place)
        FROM jsonb_array_elements(d.layers) WITH ORDINALITY AS each (layer, place)
        LEFT JOIN moved AS m ON m.line_id = d.line_id AND was = CAST(layer ->> 0 AS timestamptz)
    )
    WHERE d.layers IS NOT NULL AND d.line_id IN (SELECT line_id FROM moved)
    """,
    "UPDATE customer_order SET placed_at = now() WHERE placed_at > now() + interval '15 minutes'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
