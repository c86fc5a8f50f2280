"""A shipment that was reported by mistake is voided: its units count as voided and no longer as shipped."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns without a default, or with a constant one, rewrite nothing; the check holds new rows only, so that no
    row has to be read while the table is locked (all that is there is 0)."""
    op.execute("ALTER TABLE shipment ADD COLUMN voided_at timestamptz")
    # A parcel booked on the wrong order is still a parcel: the reference of a voided shipment may be used again.
    # The new index comes first, so that references are unique at any time; reports of shipments wait while it is made.
    op.execute("CREATE UNIQUE INDEX shipment_reference_in_use ON shipment (reference) WHERE voided_at IS NULL")
    op.execute("ALTER TABLE shipment DROP CONSTRAINT shipment_reference")
    op.execute("ALTER TABLE line_location ADD COLUMN voided bigint NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE line_location ADD CONSTRAINT line_location_voided CHECK (voided >= 0) NOT VALID")
