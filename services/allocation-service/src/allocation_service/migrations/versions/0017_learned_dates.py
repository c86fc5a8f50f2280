"""Dates are promised by what suppliers did: tables of quantiles, and what became of each first date.

Columns are added without a default or with a constant one, so that only the catalogue changes; tables are new. The
previous version writes none of them, and nothing that it reads is changed.
"""

from alembic import op

revision = "0017"
down_revision = "0016"

DDL = (
    "ALTER TABLE inbound ADD COLUMN ordered bigint, ADD COLUMN ordered_at timestamptz",
    "ALTER TABLE inbound_lateness ADD COLUMN ordered bigint, ADD COLUMN received bigint",
    # Of 100 first dates of the SKU, how many are to be kept; null: what holds for all.
    "ALTER TABLE sku ADD COLUMN promise_target smallint CHECK (promise_target BETWEEN 80 AND 99)",
    # The day on which its promises were last looked at.
    "ALTER TABLE sku ADD COLUMN judged_on date",
    # What a line's date rested on when it was named: the supplier or, by the lead time, the SKU; how probable it was;
    # the table that it was named by.
    """
    ALTER TABLE demand ADD COLUMN promise_basis text COLLATE "C", ADD COLUMN promise_source text COLLATE "C",
        ADD COLUMN promise_confidence smallint, ADD COLUMN promise_table bigint
    """,
    # One row. default_target null: dates are taken as they are announced.
    """
    CREATE TABLE lateness_state (
        sole           boolean PRIMARY KEY DEFAULT true CHECK (sole),
        default_target smallint CHECK (default_target BETWEEN 80 AND 99),
        version        bigint NOT NULL DEFAULT 0,
        built_for      date,
        built_at       timestamptz
    )
    """,
    "INSERT INTO lateness_state (default_target) VALUES (95)",
    """
    CREATE TABLE lateness_version (
        version   bigint PRIMARY KEY,
        built_for date        NOT NULL,
        built_at  timestamptz NOT NULL
    )
    """,
    # A row belongs to every version from since on, up to the one before until. Nothing of it ever changes but until.
    """
    CREATE TABLE lateness_quantile (
        basis        text COLLATE "C" NOT NULL CHECK (basis IN ('inbound', 'lead_time')),
        source       text COLLATE "C" NOT NULL,
        situation    text COLLATE "C" NOT NULL,
        since        bigint NOT NULL,
        until        bigint,
        observations int    NOT NULL,
        plain        double precision[] NOT NULL,
        safe         jsonb  NOT NULL,
        PRIMARY KEY (basis, source, situation, since)
    )
    """,
    "CREATE INDEX lateness_quantile_current ON lateness_quantile (basis, source, situation) WHERE until IS NULL",
    """
    CREATE TABLE first_promise (
        line_id       text COLLATE "C" PRIMARY KEY,
        sku           text COLLATE "C" NOT NULL,
        basis         text COLLATE "C" NOT NULL CHECK (basis IN ('stock', 'inbound', 'lead_time')),
        source        text COLLATE "C" NOT NULL,
        target        smallint    NOT NULL,
        first_date    date        NOT NULL,
        asked_at      timestamptz NOT NULL,
        lead_time     int         NOT NULL,
        table_version bigint      NOT NULL,
        confidence    smallint    NOT NULL,
        state         text COLLATE "C" NOT NULL DEFAULT 'open'
                      CHECK (state IN ('open', 'kept', 'missed', 'withdrawn')),
        served_on     date,
        CHECK (state <> 'kept' OR served_on <= first_date)
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX first_promise_open ON first_promise (first_date) WHERE state = 'open'",
    "CREATE INDEX first_promise_unserved ON first_promise (line_id) WHERE served_on IS NULL AND state <> 'withdrawn'",
    "CREATE INDEX first_promise_lead_time ON first_promise (asked_at DESC) WHERE basis = 'lead_time'",
    "CREATE INDEX first_promise_due ON first_promise (first_date DESC) WHERE state IN ('kept', 'missed')",
    """
    CREATE TABLE promise_level (
        basis    text COLLATE "C" NOT NULL,
        source   text COLLATE "C" NOT NULL,
        target   smallint NOT NULL,
        alpha    double precision NOT NULL,
        outcomes bigint   NOT NULL,
        PRIMARY KEY (basis, source, target)
    )
    """,
)


def upgrade() -> None:
    for statement in DDL:
        op.execute(statement)
