"""Orders, shipments and changes dated in the future are dated by when they were recorded."""

from alembic import op

revision = "0004"
down_revision = "0003"

# Callers could state any time (protocol rule 20). Left as it is, an order of the year 2062 could not be shipped or
# cancelled before then, since nothing precedes its order. Few rows are touched, if any.
STATEMENTS = (
    """
    UPDATE customer_order AS o SET placed_at = h.recorded_at FROM order_history AS h
    WHERE h.order_id = o.order_id AND h.version = 1 AND o.placed_at > h.recorded_at + interval '15 minutes'
    """,
    "UPDATE customer_order SET changed_at = updated_at WHERE changed_at > updated_at + interval '15 minutes'",
    "UPDATE order_history SET occurred_at = recorded_at WHERE occurred_at > recorded_at + interval '15 minutes'",
    """
    UPDATE shipment AS s SET shipped_at = greatest(o.placed_at, least(s.shipped_at, s.recorded_at))
    FROM customer_order AS o
    WHERE o.order_id = s.order_id
      AND (s.shipped_at < o.placed_at OR s.shipped_at > s.recorded_at + interval '15 minutes')
    """,
    "UPDATE line_location SET recalled_at = now() WHERE recalled_at > now() + interval '15 minutes'",
)


def upgrade() -> None:
    """Put right what is stored."""
    for statement in STATEMENTS:
        op.execute(statement)
