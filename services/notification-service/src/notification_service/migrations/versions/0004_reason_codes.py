"""A line keeps the reason of allocation's last decision as a code with parameters beside its words."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lines that were answered before have words only, until they are answered again."""
    op.execute("ALTER TABLE watched_line ADD COLUMN reason_code text, ADD COLUMN reason_parameters jsonb")
