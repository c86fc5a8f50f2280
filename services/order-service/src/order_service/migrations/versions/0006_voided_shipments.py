"""A shipment that was reported by mistake is voided: its units count as voided and no longer as shipped."""

from service_kit.persistence.migrations import execute_apart

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


STATEMENTS = (
    "ALTER TABLE shipment ADD COLUMN IF NOT EXISTS voided_at timestamptz",
    # A parcel booked on the wrong order is still a parcel: the reference of a voided shipment may be used again.
    # The new index comes first, so that references are unique at any time.
    "DROP INDEX CONCURRENTLY IF EXISTS shipment_reference_in_use",
    "CREATE UNIQUE INDEX CONCURRENTLY shipment_reference_in_use ON shipment (reference) WHERE voided_at IS NULL",
    "ALTER TABLE shipment DROP CONSTRAINT IF EXISTS shipment_reference",
    """
    ALTER TABLE line_location
        ADD COLUMN IF NOT EXISTS voided bigint NOT NULL DEFAULT 0,
        DROP CONSTRAINT IF EXISTS line_location_voided,
        ADD CONSTRAINT line_location_voided CHECK (voided >= 0) NOT VALID
    """,
    "ALTER TABLE line_location VALIDATE CONSTRAINT line_location_voided",
)


def upgrade() -> None:
    """Columns without a default, or with a constant one, rewrite nothing. What reads a whole table, the index and the
    validation of the check, is a transaction of its own, which nobody who reads or writes waits for."""
    execute_apart(STATEMENTS)
