"""How orders are paid: payments, their attempts and disputes, the double-entry book, and what providers told."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# All tables are new and empty. The new columns have no default, or a constant one, so that no row is rewritten. An
# order without a provider is paid elsewhere, as all orders were until now.
STATEMENTS = (
    "ALTER TABLE customer_order ADD COLUMN payment_provider text",
    """
    ALTER TABLE order_line ADD COLUMN charged bigint, ADD COLUMN held bigint NOT NULL DEFAULT 0,
        ADD COLUMN held_until timestamptz, ADD COLUMN forfeited bigint NOT NULL DEFAULT 0
    """,
    # look_at is when something has to be done about it next; null: not before something changes. due, held, captured
    # and refunded are what was published last, in minor units of the currency.
    """
    CREATE TABLE payment (
        payment_id      text        PRIMARY KEY,
        order_id        text        NOT NULL UNIQUE REFERENCES customer_order (order_id),
        provider        text        NOT NULL,
        method          text        NOT NULL,
        currency        text        NOT NULL,
        charge_at       text        NOT NULL,
        deposit_percent int         NOT NULL DEFAULT 0,
        deposit_kept    boolean     NOT NULL DEFAULT false,
        fees            jsonb       NOT NULL DEFAULT '[]',
        opened_at       timestamptz NOT NULL,
        version         bigint      NOT NULL DEFAULT 1,
        charged         jsonb       NOT NULL DEFAULT '{}',
        allocated       jsonb       NOT NULL DEFAULT '{}',
        conceded        bigint      NOT NULL DEFAULT 0 CHECK (conceded >= 0),
        declines        int         NOT NULL DEFAULT 0,
        grace_until     timestamptz,
        retry_at        timestamptz,
        refund_since    timestamptz,
        due             bigint      NOT NULL DEFAULT 0,
        held_due        bigint      NOT NULL DEFAULT 0,
        held            bigint      NOT NULL DEFAULT 0,
        captured        bigint      NOT NULL DEFAULT 0,
        refunded        bigint      NOT NULL DEFAULT 0,
        refund_due      bigint      NOT NULL DEFAULT 0,
        refund_due_by   timestamptz,
        state           text        NOT NULL DEFAULT 'not_due',
        look_at         timestamptz,
        updated_at      timestamptz NOT NULL
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX payment_look_at ON payment (look_at, payment_id) WHERE look_at IS NOT NULL",
    """
    CREATE TABLE payment_attempt (
        attempt_id text        PRIMARY KEY,
        payment_id text        NOT NULL REFERENCES payment (payment_id),
        number     int         NOT NULL CHECK (number > 0),
        kind       text        NOT NULL,
        amount     bigint      NOT NULL CHECK (amount > 0),
        units      jsonb       NOT NULL,
        of         text,
        method     text,
        state      text        NOT NULL,
        reference  text,
        reason     text,
        ends_at    timestamptz,
        action_url text,
        hold_end   text,
        outside    boolean     NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL,
        looks      int         NOT NULL DEFAULT 0,
        look_at    timestamptz,
        UNIQUE (payment_id, number)
    ) WITH (fillfactor = 85)
    """,
    # While the outcome of an attempt is open, there is no other one: the database sees to it as well.
    """
    CREATE UNIQUE INDEX payment_attempt_open ON payment_attempt (payment_id)
    WHERE state IN ('stored', 'unknown', 'pending', 'action_required')
    """,
    "CREATE INDEX payment_attempt_reference ON payment_attempt (reference) WHERE reference IS NOT NULL",
    """
    CREATE TABLE payment_dispute (
        dispute_id text   PRIMARY KEY,
        payment_id text   NOT NULL REFERENCES payment (payment_id),
        of         text   NOT NULL,
        amount     bigint NOT NULL CHECK (amount > 0),
        state      text   NOT NULL
    )
    """,
    "CREATE INDEX payment_dispute_of_payment ON payment_dispute (payment_id)",
    # Rows are added and never changed. Those of one posting add up to nothing.
    """
    CREATE TABLE money_entry (
        entry_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        payment_id text        NOT NULL,
        source     text        NOT NULL,
        account    text        NOT NULL,
        amount     bigint      NOT NULL CHECK (amount <> 0),
        posted_at  timestamptz NOT NULL
    )
    """,
    "CREATE INDEX money_entry_of_payment ON money_entry (payment_id, entry_id)",
    # What a provider told, by its id for it: a repetition is recognised. handled_at null: still to be looked at.
    """
    CREATE TABLE provider_event (
        provider    text        NOT NULL,
        event_id    text        NOT NULL,
        kind        text        NOT NULL,
        object_id   text        NOT NULL,
        received_at timestamptz NOT NULL,
        handled_at  timestamptz,
        PRIMARY KEY (provider, event_id)
    )
    """,
    "CREATE INDEX provider_event_unhandled ON provider_event (received_at) WHERE handled_at IS NULL",
    # What a reconciliation found: differences are listed, and somebody decides about them.
    """
    CREATE TABLE payment_difference (
        found_on   date        NOT NULL,
        attempt_id text        NOT NULL,
        payment_id text        NOT NULL,
        ours       jsonb       NOT NULL,
        theirs     jsonb       NOT NULL,
        found_at   timestamptz NOT NULL,
        PRIMARY KEY (found_on, attempt_id)
    )
    """,
)


def upgrade() -> None:
    """Add the tables and columns."""
    for statement in STATEMENTS:
        op.execute(statement)
