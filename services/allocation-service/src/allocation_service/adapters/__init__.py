"""Allocation on PostgreSQL: every read and write is set-based, queues are read by index."""
