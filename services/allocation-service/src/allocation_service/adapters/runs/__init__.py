"""Runs as they are stored, planned and committed."""
