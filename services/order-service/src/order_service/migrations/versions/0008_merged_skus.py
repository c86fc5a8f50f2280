"""A SKU that was renamed or merged into another ships when that other one is released."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column without a default rewrites nothing."""
    op.execute("ALTER TABLE sku ADD COLUMN merged_into text")
