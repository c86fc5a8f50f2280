"""Revising promise dates."""
