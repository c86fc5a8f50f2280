"""Each promise has its claim: the day from which it claims supply, and whether known supply backs it.

Until now a SKU had one day (`backed_through`) up to which promises may have been made of announced supply.

Nothing that processes of the previous release use is taken away: the column `backed_through` and the index
`queue_promised` stay, and a migration of the release after this one drops them. These processes do not keep the new
counters, though: docs/operations.md says in which order to upgrade.
"""

from alembic import op

revision = "0014"
down_revision = "0013"

DDL = (
    "ALTER TABLE demand ADD COLUMN IF NOT EXISTS claim_date date NOT NULL DEFAULT 'infinity',"
    " ADD COLUMN IF NOT EXISTS backed boolean NOT NULL DEFAULT false",
    "ALTER TABLE queue_entry ADD COLUMN IF NOT EXISTS claim_date date NOT NULL DEFAULT 'infinity',"
    " ADD COLUMN IF NOT EXISTS backed boolean NOT NULL DEFAULT false",
    "ALTER TABLE promised ADD COLUMN IF NOT EXISTS backed_units bigint NOT NULL DEFAULT 0",
    """
    CREATE TABLE IF NOT EXISTS claimed (
        sku          text COLLATE "C" NOT NULL,
        claim_date   date   NOT NULL,
        units        bigint NOT NULL,
        backed_units bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (sku, claim_date)
    ) WITH (fillfactor = 70)
    """,
)
"""Changes of the catalogue, each of which needs its table for itself for a moment."""

ROWS = (
    # What waits claims the day it was promised for, as it was served until now. Backed is what was promised through the
    # last day that a delivery was announced for (or a preorder's release), as far as what is known now comes in time.
    """
    UPDATE queue_entry AS q SET claim_date = q.promise_date, backed = old.backed
    FROM (
        SELECT line_id, bool_and(backed) AS backed FROM (
            SELECT q.line_id, coalesce(q.promise_date <= greatest(s.backed_through,
                       CASE WHEN s.mode = 'preorder' THEN CAST(s.release_at AT TIME ZONE 'UTC' AS date) END), false)
                   AND coalesce(free.units, 0) + coalesce(coming.units, 0) >= sum(q.quantity) OVER (
                       PARTITION BY q.sku ORDER BY q.promise_date, q.queued_at, q.line_id) AS backed
            FROM queue_entry AS q
            JOIN sku AS s ON s.sku = q.sku
            LEFT JOIN (
                SELECT sku, sum(greatest(0, on_hand + shipped - granted)) AS units FROM stock_level GROUP BY sku
            ) AS free ON free.sku = q.sku
            LEFT JOIN LATERAL (
                SELECT sum(i.remaining) AS units FROM inbound AS i
                WHERE i.sku = q.sku AND i.remaining > 0
                  AND CAST(i.eta AT TIME ZONE 'UTC' AS date) <= q.promise_date
            ) AS coming ON true
            WHERE q.promise_date IS NOT NULL
        ) AS entries GROUP BY line_id
    ) AS old
    WHERE old.line_id = q.line_id
    """,
    """
    UPDATE demand AS d SET claim_date = q.claim_date, backed = q.backed
    FROM (SELECT DISTINCT line_id, claim_date, backed FROM queue_entry WHERE promise_date IS NOT NULL) AS q
    WHERE d.line_id = q.line_id
    """,
    """
    UPDATE promised AS p SET backed_units = q.units
    FROM (SELECT sku, promise_date, sum(quantity) AS units FROM queue_entry WHERE backed GROUP BY 1, 2) AS q
    WHERE p.sku = q.sku AND p.promise_date = q.promise_date
    """,
    """
    INSERT INTO claimed (sku, claim_date, units, backed_units)
    SELECT sku, claim_date, sum(quantity), coalesce(sum(quantity) FILTER (WHERE backed), 0)
    FROM queue_entry GROUP BY sku, claim_date
    """,
)


def upgrade() -> None:
    """Each change of the catalogue is committed by itself, so that no table is locked while rows are rewritten; done
    once already, where a later step failed, it does nothing. The rows of lines that wait with a date are rewritten
    once, those of lines that were served are not."""
    with op.get_context().autocommit_block():
        for statement in DDL:
            op.execute(statement)
    for statement in ROWS:
        op.execute(statement)
