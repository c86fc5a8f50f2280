"""Money that is to be given back is found by the day that the law names."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table came with the revision before, so that it has few rows if any: writers hardly wait for the index."""
    op.execute("CREATE INDEX payment_refund_due ON payment (refund_due_by) WHERE refund_due > 0")
