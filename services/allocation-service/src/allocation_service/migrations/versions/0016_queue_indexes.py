"""The queue's indexes hold all that a place in it is counted by, and one has the order of claims.

`queue_promised`, which the order of claims replaces, stays for processes of the previous release.
"""

from alembic import op

revision = "0016"
down_revision = "0015"

_COUNTED = "INCLUDE (quantity, promise_date, ship_complete, claim_date, backed)"
INDEXES = {
    "queue_claims": "(sku, backed, claim_date, queued_at, line_id) INCLUDE (quantity)",
    "queue_fifo": f"(sku, queued_at, line_id) {_COUNTED}",
    "queue_priority": f"(sku, tier_rank, needed_by, queued_at, line_id) {_COUNTED}",
}


def upgrade() -> None:
    """Built while the queue is read and written. The new index comes first, so that no statement is ever without one;
    what an attempt that failed left of it is not valid, and is dropped."""
    with op.get_context().autocommit_block():
        for name, columns in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}_new")
            op.execute(f"CREATE INDEX CONCURRENTLY {name}_new ON queue_entry {columns}")
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")
