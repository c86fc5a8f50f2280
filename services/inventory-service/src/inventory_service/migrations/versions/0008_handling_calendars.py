"""A location may have a calendar, by which it ships."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns with constant defaults rewrite nothing; whatever is there ships every day, as before."""
    op.execute(
        """
        ALTER TABLE location
            ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC',
            ADD COLUMN cut_off time,
            ADD COLUMN handling_days integer NOT NULL DEFAULT 0 CHECK (handling_days >= 0),
            ADD COLUMN working_days text[] NOT NULL
                DEFAULT '{monday,tuesday,wednesday,thursday,friday,saturday,sunday}'
                CHECK (cardinality(working_days) > 0),
            ADD COLUMN holidays date[] NOT NULL DEFAULT '{}'
        """
    )
