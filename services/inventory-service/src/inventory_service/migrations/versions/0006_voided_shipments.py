"""A shipment that was reported by mistake goes back into the stock, once for ever."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns without a default, or with a constant one, rewrite nothing. The checks hold new rows only, so that no row
    has to be read while the tables are locked: what is there is 0, or passed the narrower check."""
    op.execute("ALTER TABLE shipment_line ADD COLUMN voided_at timestamptz")
    op.execute("ALTER TABLE stock_level ADD COLUMN voided bigint NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE stock_level ADD CONSTRAINT stock_level_voided CHECK (voided >= 0) NOT VALID")
    op.execute("ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_shipped_delta_check")
    op.execute(
        "ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_shipped_delta_check"
        " CHECK (shipped_delta >= 0 OR kind = 'shipment_voided') NOT VALID"
    )
