"""Loans of stock, and how late deliveries were against the dates announced for them."""

from alembic import op

revision = "0007"
down_revision = "0006"

DDL = (
    "ALTER TABLE sku ADD COLUMN open_loans int NOT NULL DEFAULT 0 CHECK (open_loans >= 0)",
    # One row for each date that was ever announced for a purchase-order line: it stood from lead_from down to
    # lead_to days before that date. The last one stands until the line is closed.
    """
    CREATE TABLE inbound_lateness (
        id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        po_line      text COLLATE "C" NOT NULL,
        supplier     text COLLATE "C" NOT NULL,
        eta          date NOT NULL,
        lead_from    int  NOT NULL,
        lead_to      int,
        arrived_on   date,
        days_late    int GENERATED ALWAYS AS (arrived_on - eta) STORED,
        observed_at  date
    )
    """,
    "CREATE INDEX inbound_lateness_open ON inbound_lateness (po_line) WHERE observed_at IS NULL",
    "CREATE INDEX inbound_lateness_supplier ON inbound_lateness (supplier, eta DESC)",
    "CREATE INDEX inbound_lateness_eta ON inbound_lateness (eta DESC)",
    """
    CREATE TABLE loan (
        loan_id        text COLLATE "C" PRIMARY KEY,
        decision_id    text COLLATE "C" NOT NULL,
        sku            text COLLATE "C" NOT NULL,
        lender_line    text COLLATE "C" NOT NULL,
        lender_order   text COLLATE "C" NOT NULL,
        borrower_line  text COLLATE "C" NOT NULL CHECK (borrower_line <> lender_line),
        borrower_order text COLLATE "C" NOT NULL,
        location       text COLLATE "C" NOT NULL,
        units          bigint NOT NULL CHECK (units > 0),
        po_line        text COLLATE "C" NOT NULL,
        supplier       text COLLATE "C" NOT NULL,
        repay_by       date NOT NULL,
        needed_on      date NOT NULL CHECK (needed_on >= repay_by),
        chance         double precision NOT NULL,
        observations   int  NOT NULL,
        evidence       text NOT NULL,
        lent_at        timestamptz NOT NULL,
        repaid_units   bigint NOT NULL DEFAULT 0,
        void_units     bigint NOT NULL DEFAULT 0,
        breached       boolean NOT NULL DEFAULT false,
        repaid_at      timestamptz,
        closed_at      timestamptz,
        CHECK (repaid_units >= 0 AND void_units >= 0 AND repaid_units + void_units <= units),
        CHECK ((closed_at IS NOT NULL) = (repaid_units + void_units = units))
    )
    """,
    "CREATE INDEX loan_open ON loan (sku) WHERE closed_at IS NULL",
    "CREATE INDEX loan_due ON loan (repay_by) WHERE closed_at IS NULL AND NOT breached",
    "CREATE INDEX loan_lender ON loan (lender_line)",
    "CREATE INDEX loan_borrower ON loan (borrower_line)",
    "CREATE INDEX loan_supplier ON loan (supplier, loan_id)",
)


def upgrade() -> None:
    for statement in DDL:
        op.execute(statement)
