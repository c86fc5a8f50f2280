"""Promises are kept day by day: the index of promises has the queue's order within a day."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """The new index first, so that no statement is ever without one."""
    op.execute("CREATE INDEX queue_promised_in_order ON queue_entry (sku, promise_date, queued_at, line_id)")
    op.execute("DROP INDEX queue_promised")
    op.execute("ALTER INDEX queue_promised_in_order RENAME TO queue_promised")
