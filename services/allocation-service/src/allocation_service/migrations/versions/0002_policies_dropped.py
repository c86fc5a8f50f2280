"""Policies of single SKUs can be dropped; their version counts on when they come back."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE allocation_policy ADD COLUMN dropped boolean NOT NULL DEFAULT false")
