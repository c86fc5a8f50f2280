"""The queue, commitments, promises and decisions of allocation."""

from alembic import op

from service_kit.hosting.tables import create_kit_tables

revision = "0001"
down_revision = None

# Identifiers sort by their bytes (COLLATE "C"), as the pure code sorts them: decisions and locks
# follow one order whatever the server's locale.
DDL = (
    """
    CREATE TABLE allocation_policy (
        name             text COLLATE "C" PRIMARY KEY,
        version          int         NOT NULL,
        sort             text        NOT NULL CHECK (sort IN ('fifo', 'priority')),
        protect_promises boolean     NOT NULL,
        updated_at       timestamptz NOT NULL DEFAULT now()
    )
    """,
    "INSERT INTO allocation_policy (name, version, sort, protect_promises) VALUES ('default', 1, 'fifo', true)",
    """
    CREATE TABLE sku (
        sku            text COLLATE "C" PRIMARY KEY,
        known          boolean     NOT NULL DEFAULT false,
        mode           text        NOT NULL DEFAULT 'stock_only',
        cap            bigint,
        release_at     timestamptz,
        lead_time_days int         NOT NULL DEFAULT 0,
        category       text,
        policy_version bigint      NOT NULL DEFAULT -1,
        last_now       timestamptz,
        waiting_units  bigint      NOT NULL DEFAULT 0 CHECK (waiting_units >= 0)
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE stock_level (
        sku      text COLLATE "C" NOT NULL,
        location text COLLATE "C" NOT NULL,
        on_hand  bigint NOT NULL,
        shipped  bigint NOT NULL,
        version  bigint NOT NULL,
        priority int    NOT NULL,
        granted  bigint NOT NULL CHECK (granted >= 0),
        PRIMARY KEY (sku, location)
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE inbound (
        po_line   text COLLATE "C" PRIMARY KEY,
        sku       text COLLATE "C" NOT NULL,
        remaining bigint NOT NULL,
        eta       timestamptz,
        supplier  text   NOT NULL,
        location  text   NOT NULL,
        version   bigint NOT NULL
    )
    """,
    "CREATE INDEX inbound_open ON inbound (sku) WHERE remaining > 0",
    """
    CREATE TABLE customer_order (
        order_id          text COLLATE "C" PRIMARY KEY,
        basis             bigint      NOT NULL,
        reference         text        NOT NULL,
        placed_at         timestamptz NOT NULL,
        ship_complete     boolean     NOT NULL,
        customer_id       text,
        tier              text,
        tier_rank         int         NOT NULL,
        channel           text,
        region            text,
        needed_by         date,
        latest_acceptable date,
        preference        text,
        correlation_id    text        NOT NULL,
        placed            boolean     NOT NULL,
        answer_due        text
    )
    """,
    """
    CREATE TABLE demand (
        line_id          text COLLATE "C" PRIMARY KEY,
        order_id         text COLLATE "C" NOT NULL,
        sku              text COLLATE "C" NOT NULL,
        quantity         bigint NOT NULL,
        cancelled        bigint NOT NULL,
        declined         bigint NOT NULL,
        undecided        bigint NOT NULL,
        granted_units    bigint NOT NULL,
        live_units       bigint NOT NULL,
        queued_at        timestamptz NOT NULL,
        layers           jsonb,
        line_version     bigint NOT NULL,
        reason           text   NOT NULL,
        promise_date     date,
        promise_revision int    NOT NULL,
        promise_cause    text   NOT NULL,
        CHECK (declined >= 0 AND undecided >= 0 AND granted_units >= 0 AND live_units >= granted_units)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX demand_order ON demand (order_id)",
    "CREATE INDEX demand_undecided ON demand (sku) WHERE undecided > 0",
    """
    CREATE TABLE commitment (
        line_id  text COLLATE "C" NOT NULL,
        location text COLLATE "C" NOT NULL,
        sku      text COLLATE "C" NOT NULL,
        granted  bigint NOT NULL,
        shipped  bigint NOT NULL,
        PRIMARY KEY (line_id, location),
        CHECK (granted >= shipped AND shipped >= 0)
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX commitment_unshipped ON commitment (sku, location) WHERE granted > shipped",
    """
    CREATE TABLE queue_entry (
        line_id       text COLLATE "C" NOT NULL,
        queued_at     timestamptz NOT NULL,
        sku           text COLLATE "C" NOT NULL,
        order_id      text COLLATE "C" NOT NULL,
        quantity      bigint  NOT NULL CHECK (quantity > 0),
        promise_date  date,
        tier_rank     int     NOT NULL,
        needed_by     date    NOT NULL,
        ship_complete boolean NOT NULL,
        PRIMARY KEY (line_id, queued_at)
    )
    """,
    "CREATE INDEX queue_fifo ON queue_entry (sku, queued_at, line_id) INCLUDE (quantity, promise_date, ship_complete)",
    "CREATE INDEX queue_priority ON queue_entry (sku, tier_rank, needed_by, queued_at, line_id)"
    " INCLUDE (quantity, promise_date, ship_complete)",
    "CREATE INDEX queue_promised ON queue_entry (sku, promise_date)",
    """
    CREATE TABLE promised (
        sku          text COLLATE "C" NOT NULL,
        promise_date date   NOT NULL,
        units        bigint NOT NULL,
        PRIMARY KEY (sku, promise_date)
    )
    """,
    "CREATE INDEX promised_due ON promised (promise_date)",
    """
    CREATE TABLE recheck (
        id         bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) UNIQUE,
        order_id   text COLLATE "C" PRIMARY KEY,
        cause      text        NOT NULL,
        cause_time timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE recheck_sku (
        sku      text COLLATE "C" NOT NULL,
        order_id text COLLATE "C" NOT NULL REFERENCES recheck ON DELETE CASCADE,
        PRIMARY KEY (sku, order_id)
    )
    """,
    "CREATE INDEX recheck_sku_order ON recheck_sku (order_id)",
    """
    CREATE TABLE decision (
        decision_id text COLLATE "C" PRIMARY KEY,
        cause       text        NOT NULL,
        cause_type  text        NOT NULL,
        decided_at  timestamptz NOT NULL,
        digest      text        NOT NULL,
        steps       jsonb       NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX decision_cause ON decision (cause)",
    """
    CREATE TABLE decision_sku (
        sku         text COLLATE "C" NOT NULL,
        decision_id text COLLATE "C" NOT NULL,
        PRIMARY KEY (sku, decision_id)
    )
    """,
    """
    CREATE TABLE decision_line (
        decision_id text COLLATE "C" NOT NULL,
        step        int   NOT NULL,
        rank        int   NOT NULL,
        line_id     text COLLATE "C" NOT NULL,
        sku         text COLLATE "C" NOT NULL,
        quantity    bigint NOT NULL,
        granted     bigint NOT NULL,
        reason      text  NOT NULL,
        facts       jsonb NOT NULL,
        PRIMARY KEY (decision_id, step, rank)
    )
    """,
    "CREATE INDEX decision_line_of_line ON decision_line (line_id, decision_id)",
)


def upgrade() -> None:
    create_kit_tables(op)
    for statement in DDL:
        op.execute(statement)
