"""Payments on PostgreSQL, and the providers that take money."""
