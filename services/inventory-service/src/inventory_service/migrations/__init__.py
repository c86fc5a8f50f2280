"""The inventory database's schema, one Alembic revision after the other."""
