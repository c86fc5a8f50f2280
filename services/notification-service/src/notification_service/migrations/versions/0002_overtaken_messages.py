"""Notifications that were superseded while they waited for their contact, and the baseline before each of them."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE notification ADD COLUMN told_before jsonb")
    op.execute("ALTER TABLE notification DROP CONSTRAINT notification_state_check")
    op.execute(
        """
        ALTER TABLE notification ADD CONSTRAINT notification_state_check
            CHECK (state IN ('pending', 'waiting_for_contact', 'sent', 'failed', 'superseded')) NOT VALID
        """
    )
