"""What was told of each line's date, the offers of delays, what customers answered, and the refunds that follow."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# All tables are new and empty. The new columns have no default, or a constant one, so that no row is rewritten.
STATEMENTS = (
    """
    ALTER TABLE customer_order ADD COLUMN time_zone text, ADD COLUMN completed_at timestamptz,
        ADD COLUMN time_essential boolean NOT NULL DEFAULT false
    """,
    "ALTER TABLE order_line ADD COLUMN quoted_date date",
    # Rows are added and never changed. date is a day of time_zone; null: it was told that none can be named.
    """
    CREATE TABLE promise_record (
        line_id          text        NOT NULL,
        revision         int         NOT NULL CHECK (revision > 0),
        order_id         text        NOT NULL,
        basis            text        NOT NULL,
        date             date,
        time_zone        text        NOT NULL,
        stated_at        timestamptz NOT NULL,
        cause            text        NOT NULL,
        promise_revision bigint,
        confidence       double precision,
        table_version    bigint,
        recorded_at      timestamptz NOT NULL,
        PRIMARY KEY (line_id, revision)
    )
    """,
    "CREATE INDEX promise_record_of_order ON promise_record (order_id, line_id, revision)",
    # due_at is when something about it has to be done next: the notice sent, or the reply received. Null: nothing.
    """
    CREATE TABLE delay_offer (
        offer_id        text        PRIMARY KEY,
        order_id        text        NOT NULL REFERENCES customer_order (order_id),
        number          int         NOT NULL CHECK (number > 0),
        version         bigint      NOT NULL,
        kind            text        NOT NULL,
        silence_means   text        NOT NULL,
        made_at         timestamptz NOT NULL,
        notice_by       timestamptz,
        respond_by      timestamptz,
        due_at          timestamptz,
        sent_at         timestamptz,
        notification_id text,
        content_hash    text,
        superseded      boolean     NOT NULL,
        state           text        NOT NULL,
        UNIQUE (order_id, number)
    ) WITH (fillfactor = 85)
    """,
    "CREATE INDEX delay_offer_due ON delay_offer (due_at, offer_id) WHERE due_at IS NOT NULL",
    "CREATE INDEX delay_offer_unsent ON delay_offer (notice_by) WHERE state = 'offered' AND notice_by IS NOT NULL",
    """
    CREATE TABLE delay_offer_line (
        offer_id  text NOT NULL REFERENCES delay_offer (offer_id),
        line_id   text NOT NULL,
        from_date date,
        to_date   date,
        PRIMARY KEY (offer_id, line_id)
    )
    """,
    # Rows are added and never changed; the newest of an offer counts.
    """
    CREATE TABLE delay_reply (
        offer_id    text        NOT NULL REFERENCES delay_offer (offer_id),
        number      int         NOT NULL CHECK (number > 0),
        choice      text        NOT NULL,
        until       date,
        received_at timestamptz NOT NULL,
        channel     text        NOT NULL,
        PRIMARY KEY (offer_id, number)
    )
    """,
    # When something has to be judged anew. A row is a hint: what is due is decided by what is stored then.
    """
    CREATE TABLE deadline (
        kind   text        NOT NULL,
        ref    text        NOT NULL,
        due_at timestamptz NOT NULL,
        PRIMARY KEY (kind, ref)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX deadline_due ON deadline (kind, due_at)",
    # Rows are added and never changed: units that were cancelled, and by when what was paid for them is sent back.
    """
    CREATE TABLE refund_right (
        refund_id     text        PRIMARY KEY,
        order_id      text        NOT NULL,
        line_id       text        NOT NULL,
        units         bigint      NOT NULL CHECK (units > 0),
        cause         text        NOT NULL,
        vested_on     date        NOT NULL,
        refund_due_by timestamptz NOT NULL,
        fees          boolean     NOT NULL,
        offer_id      text,
        recorded_at   timestamptz NOT NULL
    )
    """,
    "CREATE INDEX refund_right_of_order ON refund_right (order_id)",
)


def upgrade() -> None:
    """Add the tables and columns."""
    for statement in STATEMENTS:
        op.execute(statement)
