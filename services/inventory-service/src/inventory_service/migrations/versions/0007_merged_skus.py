"""A SKU that was renamed or merged into another keeps its row, so that whoever names it is told what it is called."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns without a default, or with a constant one, rewrite nothing; the check holds new rows only."""
    op.execute('ALTER TABLE sku ADD COLUMN merged_into text COLLATE "C", ADD COLUMN merged_at timestamptz')
    op.execute("CREATE INDEX sku_merged ON sku (merged_into) WHERE merged_into IS NOT NULL")
    op.execute("ALTER TABLE stock_level ADD COLUMN merged boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_shipped_delta_check")
    op.execute(
        "ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_shipped_delta_check"
        " CHECK (shipped_delta >= 0 OR kind IN ('shipment_voided', 'merged')) NOT VALID"
    )
    op.execute(
        """
        CREATE OR REPLACE VIEW demand_history AS
        SELECT coalesce(sku.merged_into, line.sku) AS sku, day, sum(quantity)::bigint AS units_ordered,
               sum(cancelled)::bigint AS units_cancelled, count(*) AS lines
        FROM demand_line line LEFT JOIN sku ON sku.sku = line.sku
        GROUP BY coalesce(sku.merged_into, line.sku), day
        """
    )
