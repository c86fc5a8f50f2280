"""A SKU that was merged into another keeps its row, so that whoever names it is understood."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column without a default rewrites nothing, and no row is in the index yet."""
    op.execute('ALTER TABLE sku ADD COLUMN merged_into text COLLATE "C"')
    op.execute("CREATE INDEX sku_merged ON sku (merged_into) WHERE merged_into IS NOT NULL")
