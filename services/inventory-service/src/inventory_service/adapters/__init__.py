"""Inventory on PostgreSQL: one class a port, each for one open transaction. SQL stands here only."""
