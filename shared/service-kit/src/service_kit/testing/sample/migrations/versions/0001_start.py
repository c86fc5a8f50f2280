"""The messaging tables and a table that remembers what was applied, in order."""

from alembic import op

from service_kit.hosting.tables import create_kit_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    create_kit_tables(op)
    op.execute(
        """
        CREATE TABLE applied (
            position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event_id text   NOT NULL,
            name     text   NOT NULL,
            key      text   NOT NULL,
            sequence bigint NOT NULL
        )
        """
    )
    op.execute("CREATE TABLE setting (name text PRIMARY KEY, value text NOT NULL)")
    op.execute("INSERT INTO setting VALUES ('colour', 'blue')")
