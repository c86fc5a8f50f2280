"""Runs: what was previewed and committed, by whom, from which inputs; lines that a person pinned."""

from alembic import op

revision = "0008"
down_revision = "0007"

DDL = (
    """
    CREATE TABLE run (
        run_id       text COLLATE "C" PRIMARY KEY,
        name         text        NOT NULL,
        segments     jsonb       NOT NULL,
        status       text        NOT NULL CHECK (status IN ('planning', 'previewed', 'committed', 'refused', 'failed')),
        progress     text        NOT NULL DEFAULT '',
        taken_at     timestamptz NOT NULL DEFAULT now(),
        as_of        timestamptz,
        digest       text,
        summary      jsonb,
        created_by   text        NOT NULL,
        created_at   timestamptz NOT NULL,
        expires_at   timestamptz,
        closed_by    text,
        closed_at    timestamptz,
        decision_id  text,
        changes      jsonb
    )
    """,
    "CREATE INDEX run_planning ON run (taken_at) WHERE status = 'planning'",
    """
    CREATE TABLE run_sku (
        run_id    text COLLATE "C" NOT NULL REFERENCES run ON DELETE CASCADE,
        sku       text COLLATE "C" NOT NULL,
        stock     text   NOT NULL,
        promises  text   NOT NULL,
        demand    text   NOT NULL,
        left_free bigint NOT NULL,
        PRIMARY KEY (run_id, sku)
    )
    """,
    """
    CREATE TABLE run_line (
        run_id         text COLLATE "C" NOT NULL REFERENCES run ON DELETE CASCADE,
        position       int    NOT NULL,
        line_id        text COLLATE "C" NOT NULL,
        order_id       text COLLATE "C" NOT NULL,
        sku            text COLLATE "C" NOT NULL,
        segment        int    NOT NULL,
        requested      bigint NOT NULL,
        confirmed      bigint NOT NULL,
        new            bigint NOT NULL,
        unit_value     bigint NOT NULL,
        promise_before date,
        promise_after  date,
        exception      text   NOT NULL,
        note           text   NOT NULL,
        takes_part     boolean NOT NULL,
        PRIMARY KEY (run_id, position)
    )
    """,
    "CREATE INDEX run_line_sku ON run_line (run_id, sku)",
    """
    CREATE TABLE pinned_line (
        line_id   text COLLATE "C" PRIMARY KEY,
        reason    text        NOT NULL,
        pinned_by text        NOT NULL,
        pinned_at timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in DDL:
        op.execute(statement)
