"""Times that cannot be true are dated by when they were recorded; lines of documents say which count covered them."""

from service_kit.persistence.migrations import execute_apart

revision = "0004"
down_revision = "0003"

# Callers could state any time (protocol rule 20). A count of the future hid every movement until then, and a movement
# of the future was added to every count. Few rows are touched, if any, but large tables are read.
STATEMENTS = (
    "ALTER TABLE stock_document_line ADD COLUMN IF NOT EXISTS counted_at timestamptz",
    "ALTER TABLE shipment_line ADD COLUMN IF NOT EXISTS reported_at timestamptz",
    "DROP INDEX CONCURRENTLY IF EXISTS shipment_line_reported",
    "CREATE INDEX CONCURRENTLY shipment_line_reported ON shipment_line (recorded_at) WHERE reported_at IS NOT NULL",
    "UPDATE stock_level SET counted_at = updated_at WHERE counted_at > updated_at + interval '15 minutes'",
    "UPDATE ledger_entry SET occurred_at = recorded_at WHERE occurred_at > recorded_at + interval '15 minutes'",
    "UPDATE stock_document SET occurred_at = recorded_at WHERE occurred_at > recorded_at + interval '15 minutes'",
    "UPDATE shipment_line SET shipped_at = recorded_at WHERE shipped_at > recorded_at + interval '15 minutes'",
    "UPDATE purchase_order SET ordered_at = created_at WHERE ordered_at > created_at + interval '15 minutes'",
)


def upgrade() -> None:
    """No table is locked while another one is read: each statement is a transaction of its own."""
    execute_apart(STATEMENTS)
