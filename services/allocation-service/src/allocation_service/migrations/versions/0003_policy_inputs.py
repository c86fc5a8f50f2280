"""What policies go by: the value of units, who was passed, past demand, and what quotas gave."""

from alembic import op

revision = "0003"
down_revision = "0002"

DDL = (
    "ALTER TABLE demand ADD COLUMN unit_value bigint NOT NULL DEFAULT 0",
    "ALTER TABLE queue_entry ADD COLUMN unit_value bigint NOT NULL DEFAULT 0",
    "ALTER TABLE customer_order ADD COLUMN bypassed int NOT NULL DEFAULT 0",
    "ALTER TABLE sku ADD COLUMN top_value bigint NOT NULL DEFAULT 0",
    "CREATE INDEX queue_together ON queue_entry (sku, order_id) WHERE ship_complete",
    "CREATE INDEX queue_tier ON queue_entry (sku, tier_rank, queued_at, line_id)",
    """
    CREATE TABLE demand_day (
        sku       text COLLATE "C" NOT NULL,
        day       date   NOT NULL,
        tier_rank int    NOT NULL,
        units     bigint NOT NULL,
        PRIMARY KEY (sku, day, tier_rank)
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE quota_use (
        sku   text COLLATE "C" NOT NULL,
        field text COLLATE "C" NOT NULL,
        name  text COLLATE "C" NOT NULL,
        units bigint NOT NULL,
        PRIMARY KEY (sku, field, name)
    ) WITH (fillfactor = 70)
    """,
)


def upgrade() -> None:
    for statement in DDL:
        op.execute(statement)
