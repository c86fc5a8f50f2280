"""Old decisions keep a summary in place of their detail; how far that has come."""

from alembic import op

revision = "0006"
down_revision = "0005"

DDL = (
    "ALTER TABLE decision ADD COLUMN summary jsonb",
    """
    CREATE TABLE decision_retention (
        one        boolean PRIMARY KEY DEFAULT true CHECK (one),
        summarised text COLLATE "C" NOT NULL DEFAULT '',
        tidied     text COLLATE "C" NOT NULL DEFAULT ''
    )
    """,
    "INSERT INTO decision_retention DEFAULT VALUES",
)


def upgrade() -> None:
    for statement in DDL:
        op.execute(statement)
