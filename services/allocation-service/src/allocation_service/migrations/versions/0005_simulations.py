"""Simulations that callers asked for, with their progress and figures."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE simulation (
            simulation_id text COLLATE "C" PRIMARY KEY,
            request       jsonb       NOT NULL,
            status        text        NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
            worlds_done   int         NOT NULL DEFAULT 0,
            worlds        int         NOT NULL,
            rows          jsonb,
            error         text,
            created_at    timestamptz NOT NULL DEFAULT now(),
            started_at    timestamptz,
            heartbeat_at  timestamptz,
            finished_at   timestamptz
        )
        """
    )
    op.execute("CREATE INDEX simulation_open ON simulation (simulation_id) WHERE status IN ('queued', 'running')")
