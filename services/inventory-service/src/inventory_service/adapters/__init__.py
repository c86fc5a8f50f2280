"""Inventory on PostgreSQL: a class for each port, all working on one open transaction. Only here is SQL."""
