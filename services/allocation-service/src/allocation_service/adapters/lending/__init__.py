"""Loans as they are stored and shown."""
