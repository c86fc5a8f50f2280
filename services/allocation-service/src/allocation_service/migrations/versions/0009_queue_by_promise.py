"""Promises are kept day by day: the index of promises has the queue's order within a day, and a SKU knows
through which day its promises may have been made of announced supply."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Of deliveries that are closed and forgotten, nobody knows the dates any more. The new index comes first, so
    that no statement is ever without one."""
    op.execute("ALTER TABLE sku ADD COLUMN backed_through date")
    op.execute(
        "UPDATE sku SET backed_through = known.day FROM (SELECT sku, max(CAST(eta AT TIME ZONE 'UTC' AS date)) AS day"
        " FROM inbound GROUP BY sku) AS known WHERE known.sku = sku.sku AND known.day IS NOT NULL"
    )
    op.execute("CREATE INDEX queue_promised_in_order ON queue_entry (sku, promise_date, queued_at, line_id)")
    op.execute("DROP INDEX queue_promised")
    op.execute("ALTER INDEX queue_promised_in_order RENAME TO queue_promised")
