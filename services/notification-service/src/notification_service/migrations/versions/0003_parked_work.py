"""What was discarded, so that it can be corrected; what is set aside by itself; what troubles the workers."""

from alembic import op

from service_kit.hosting.tables import create_parked_work_tables

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables. They are new and empty, so nothing that runs is touched."""
    create_parked_work_tables(op)
