"""What was discarded, so that it can be corrected; what is set aside by itself; what troubles the workers.

A deferred order that cannot be decided is set aside: it keeps its row, and blocks none of its SKUs.
"""

from alembic import op

from service_kit.hosting.tables import create_parked_work_tables

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the tables, and the mark of a deferred order: a constant default, which rewrites nothing."""
    create_parked_work_tables(op)
    op.execute("ALTER TABLE recheck ADD COLUMN parked boolean NOT NULL DEFAULT false")
