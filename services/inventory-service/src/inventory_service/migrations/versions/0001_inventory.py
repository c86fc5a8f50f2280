"""SKUs, locations, suppliers, purchase orders, the stock ledger, shipments and demand; messaging tables."""

from alembic import op

from service_kit.hosting.tables import create_kit_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Keys are compared byte by byte: SKUs are opaque and case-sensitive, and rows are locked in this order.
TABLES = """
CREATE TABLE sku (
    sku text COLLATE "C" PRIMARY KEY,
    name text,
    category text,
    lead_time_days integer CHECK (lead_time_days >= 0),
    mode text NOT NULL CHECK (mode IN ('stock_only', 'backorder', 'preorder', 'discontinued')),
    backorder_cap integer CHECK (backorder_cap >= 0),
    release_date date,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX sku_by_category ON sku (category, sku);

CREATE TABLE location (
    location_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    priority integer NOT NULL CHECK (priority >= 0),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE supplier (
    supplier_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- No foreign keys to sku and location: use cases check the names in requests, and a shipment that has left is
-- posted whatever this service knows of its SKU and location.
CREATE TABLE stock_level (
    sku text COLLATE "C" NOT NULL,
    location_id text COLLATE "C" NOT NULL,
    on_hand bigint NOT NULL CHECK (on_hand >= 0),
    shipped bigint NOT NULL CHECK (shipped >= 0),
    version bigint NOT NULL,
    counted_at timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (sku, location_id)
) WITH (fillfactor = 80);
CREATE INDEX stock_level_by_location ON stock_level (location_id, sku);

CREATE TABLE ledger_entry (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku text COLLATE "C" NOT NULL,
    location_id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    on_hand_delta bigint NOT NULL,
    shipped_delta bigint NOT NULL CHECK (shipped_delta >= 0),
    supply_delta bigint GENERATED ALWAYS AS (on_hand_delta + shipped_delta) STORED,
    on_hand_after bigint NOT NULL,
    shipped_after bigint NOT NULL,
    level_version bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    document_id text NOT NULL,
    line_id text NOT NULL,
    reason text NOT NULL
);
CREATE INDEX ledger_entry_by_sku ON ledger_entry (sku, occurred_at, entry_id);
CREATE INDEX ledger_entry_by_location ON ledger_entry (location_id, occurred_at, entry_id);
CREATE INDEX ledger_entry_by_time ON ledger_entry (occurred_at, entry_id);

-- Receipts, counts and adjustments: what callers state about the stock, each under a reference of the caller's own.
CREATE TABLE stock_document (
    document_id text COLLATE "C" PRIMARY KEY,
    type text NOT NULL CHECK (type IN ('receipt', 'count', 'adjustment')),
    reference text COLLATE "C" NOT NULL,
    location_id text COLLATE "C",
    kind text NOT NULL,
    reason text NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (type, reference)
);
CREATE INDEX stock_document_by_type ON stock_document (type, document_id);
CREATE INDEX stock_document_by_location ON stock_document (type, location_id, document_id);

CREATE TABLE stock_document_line (
    document_id text COLLATE "C" NOT NULL REFERENCES stock_document,
    line_no integer NOT NULL,
    sku text COLLATE "C" NOT NULL,
    location_id text COLLATE "C" NOT NULL,
    quantity bigint NOT NULL,
    purchase_order_line_id text COLLATE "C",
    on_hand_change bigint NOT NULL,
    PRIMARY KEY (document_id, line_no)
);
CREATE INDEX stock_document_line_by_sku ON stock_document_line (sku, document_id);

CREATE TABLE purchase_order (
    purchase_order_id text COLLATE "C" PRIMARY KEY,
    reference text COLLATE "C" NOT NULL UNIQUE,
    supplier_id text COLLATE "C" NOT NULL REFERENCES supplier,
    location_id text COLLATE "C" NOT NULL REFERENCES location,
    ordered_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX purchase_order_by_supplier ON purchase_order (supplier_id, purchase_order_id);

CREATE TABLE purchase_order_line (
    line_id text COLLATE "C" PRIMARY KEY,
    purchase_order_id text COLLATE "C" NOT NULL REFERENCES purchase_order,
    line_no integer NOT NULL,
    sku text COLLATE "C" NOT NULL REFERENCES sku,
    quantity bigint NOT NULL CHECK (quantity > 0),
    received bigint NOT NULL DEFAULT 0 CHECK (received >= 0),
    closed boolean NOT NULL DEFAULT false,
    eta timestamptz NOT NULL,
    first_eta timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL,
    UNIQUE (purchase_order_id, line_no)
);
CREATE INDEX purchase_order_line_by_sku ON purchase_order_line (sku, purchase_order_id);
CREATE INDEX purchase_order_line_open ON purchase_order_line (purchase_order_id)
    WHERE NOT closed AND received < quantity;

-- Never purged: a shipment counts once, however long after it is replayed.
CREATE TABLE shipment_line (
    shipment_id text COLLATE "C" NOT NULL,
    line_id text COLLATE "C" NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    sku text COLLATE "C" NOT NULL,
    location_id text COLLATE "C" NOT NULL,
    quantity bigint NOT NULL,
    shipped_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (shipment_id, line_id)
);

-- Demand as state: the newest known quantity of each order line. The history of each day follows from it, so that
-- order events may be repeated or missing without making it wrong.
CREATE TABLE demand_line (
    order_id text COLLATE "C" NOT NULL,
    line_id text COLLATE "C" NOT NULL,
    sku text COLLATE "C" NOT NULL,
    day date NOT NULL,
    quantity bigint NOT NULL,
    cancelled bigint NOT NULL,
    order_sequence bigint NOT NULL,
    PRIMARY KEY (order_id, line_id)
);
CREATE INDEX demand_line_by_day ON demand_line (sku, day) INCLUDE (quantity, cancelled);
CREATE VIEW demand_history AS
    SELECT sku, day, sum(quantity)::bigint AS units_ordered, sum(cancelled)::bigint AS units_cancelled,
           count(*) AS lines
    FROM demand_line GROUP BY sku, day;
"""

# The ledger is append-only for everyone but the owner of the schema (who restores backups and clears test data).
APPEND_ONLY = """
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER') THEN
        RAISE EXCEPTION 'the stock ledger is append-only';
    END IF;
    RETURN NULL;
END $$;
"""
APPEND_ONLY_TRIGGER = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
"""


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(APPEND_ONLY)
    op.execute(APPEND_ONLY_TRIGGER)
    create_kit_tables(op)
