"""A location may be inactive: it receives nothing, and nothing is allocated from it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column with a constant default rewrites nothing; every location that is there is active."""
    op.execute("ALTER TABLE location ADD COLUMN active boolean NOT NULL DEFAULT true")
