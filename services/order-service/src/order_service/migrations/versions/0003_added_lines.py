"""A line that was added to an order after it was placed says when."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A new column without a default rewrites nothing; lines that are there were placed with their orders."""
    op.execute("ALTER TABLE order_line ADD COLUMN added_at timestamptz")
