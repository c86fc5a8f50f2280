"""A line keeps the reason of allocation's last decision as a code with parameters beside its words."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lines that were answered before have words only, until they are answered again."""
    op.execute("ALTER TABLE order_line ADD COLUMN reason_code text, ADD COLUMN reason_parameters jsonb")
