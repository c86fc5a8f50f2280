"""Reasons are stored as a code with its parameters; rows of before keep their text, which is still read."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Only the catalogue changes, however many rows there are."""
    for table in ("demand", "decision_line"):
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN reason_code text, ADD COLUMN reason_parameters jsonb,"
            " ALTER COLUMN reason SET DEFAULT ''"
        )
