"""Orders, their lines, history and shipments, the SKU projection, and the messaging tables."""

from alembic import op

from service_kit.hosting.tables import create_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# An order's state, complete and answered, and a line's allocated and shipped are derived. Every write of an order or
# a line writes them too, so that orders can be listed and shippable lines found by an index.
STATEMENTS = (
    """
    CREATE TABLE customer_order (
        order_id               text        PRIMARY KEY,
        reference              text        NOT NULL CONSTRAINT customer_order_reference UNIQUE,
        customer_id            text,
        contact_id             text,
        tier                   text,
        channel                text,
        country                text,
        region                 text,
        jurisdiction           text,
        currency               text        NOT NULL,
        charge_at              text        NOT NULL,
        deposit_percent        int,
        needed_by              date,
        latest_acceptable_date date,
        ship_complete          boolean     NOT NULL,
        location_preference    text,
        metadata               jsonb       NOT NULL,
        placed_at              timestamptz NOT NULL,
        changed_at             timestamptz NOT NULL,
        updated_at             timestamptz NOT NULL,
        sequence               bigint      NOT NULL,
        version                bigint      NOT NULL,
        answered               bigint      NOT NULL,
        state                  text        NOT NULL,
        complete               boolean     NOT NULL
    ) WITH (fillfactor = 85)
    """,
    "CREATE INDEX customer_order_of_customer ON customer_order (customer_id, order_id) WHERE customer_id IS NOT NULL",
    "CREATE INDEX customer_order_in_state ON customer_order (state, order_id)",
    "CREATE INDEX customer_order_updated ON customer_order (updated_at, order_id)",
    """
    CREATE TABLE order_line (
        line_id          text    PRIMARY KEY,
        order_id         text    NOT NULL REFERENCES customer_order (order_id),
        position         int     NOT NULL,
        sku              text    NOT NULL,
        reference        text,
        quantity         bigint  NOT NULL CHECK (quantity >= 0),
        unit_price       bigint  NOT NULL,
        cancelled        bigint  NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
        cut_sequence     bigint  NOT NULL DEFAULT 0,
        line_version     bigint  NOT NULL DEFAULT 0,
        basis            bigint  NOT NULL DEFAULT 0,
        waiting          bigint  NOT NULL DEFAULT 0 CHECK (waiting >= 0),
        declined         bigint  NOT NULL DEFAULT 0 CHECK (declined >= 0),
        reason           text    NOT NULL DEFAULT '',
        promise_date     date,
        promise_revision bigint,
        promise_cause    text,
        allocated        bigint  NOT NULL DEFAULT 0 CHECK (allocated >= 0),
        shipped          bigint  NOT NULL DEFAULT 0 CHECK (shipped >= 0),
        CHECK (shipped + cancelled <= quantity)
    ) WITH (fillfactor = 85)
    """,
    "CREATE INDEX order_line_of_order ON order_line (order_id, position)",
    "CREATE INDEX order_line_of_sku ON order_line (sku, order_id)",
    # allocated and shipped count from the line's beginning; a shipped unit stays allocated. recalled units were
    # deallocated at recalled_at: a shipment that left before then may still be reported.
    """
    CREATE TABLE line_location (
        line_id     text        NOT NULL REFERENCES order_line (line_id),
        location_id text        NOT NULL,
        allocated   bigint      NOT NULL CHECK (allocated >= 0),
        shipped     bigint      NOT NULL CHECK (shipped >= 0),
        recalled    bigint      NOT NULL CHECK (recalled >= 0),
        recalled_at timestamptz,
        PRIMARY KEY (line_id, location_id)
    ) WITH (fillfactor = 85)
    """,
    "CREATE INDEX line_location_to_ship ON line_location (location_id, line_id) WHERE allocated > shipped",
    """
    CREATE TABLE shipment (
        shipment_id     text        PRIMARY KEY,
        order_id        text        NOT NULL REFERENCES customer_order (order_id),
        reference       text        CONSTRAINT shipment_reference UNIQUE,
        location_id     text        NOT NULL,
        tracking_number text,
        shipped_at      timestamptz NOT NULL,
        recorded_at     timestamptz NOT NULL
    )
    """,
    "CREATE INDEX shipment_of_order ON shipment (order_id, shipment_id)",
    """
    CREATE TABLE shipment_line (
        shipment_id text   NOT NULL REFERENCES shipment (shipment_id),
        line_id     text   NOT NULL,
        quantity    bigint NOT NULL CHECK (quantity > 0),
        PRIMARY KEY (shipment_id, line_id)
    )
    """,
    """
    CREATE TABLE order_history (
        order_id    text        NOT NULL,
        version     bigint      NOT NULL,
        event       text        NOT NULL,
        state       text        NOT NULL,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        detail      jsonb       NOT NULL,
        PRIMARY KEY (order_id, version)
    )
    """,
    """
    CREATE TABLE sku (
        sku        text        PRIMARY KEY,
        version    bigint      NOT NULL,
        mode       text        NOT NULL,
        release_at timestamptz
    )
    """,
)


def upgrade() -> None:
    """Make every table of the service."""
    for statement in STATEMENTS:
        op.execute(statement)
    create_kit_tables(op)
