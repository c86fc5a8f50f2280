"""Nothing is allocated from a level whose location is not active any more."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column with a constant default rewrites nothing; every location that is known is active."""
    op.execute("ALTER TABLE stock_level ADD COLUMN active boolean NOT NULL DEFAULT true")
