"""Locations have calendars, by which a promise says when the units leave.

The column is added without a default, so that only the catalogue changes; tables are new. The previous version writes
none of them, and nothing that it reads is changed.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

DDL = (
    # By when the units of a line leave, as it was when its date was named.
    "ALTER TABLE demand ADD COLUMN ship_by date",
    # What differs from a location that is always open; {} for one that is. version: of the location, at inventory.
    """
    CREATE TABLE location_calendar (
        location text COLLATE "C" PRIMARY KEY,
        version  bigint NOT NULL,
        calendar jsonb  NOT NULL
    )
    """,
    # One row. version counts the changes of calendars: who has read them with it has nothing to read.
    """
    CREATE TABLE calendar_state (
        sole    boolean PRIMARY KEY DEFAULT true CHECK (sole),
        version bigint NOT NULL DEFAULT 0
    )
    """,
    "INSERT INTO calendar_state DEFAULT VALUES",
)


def upgrade() -> None:
    for statement in DDL:
        op.execute(statement)
