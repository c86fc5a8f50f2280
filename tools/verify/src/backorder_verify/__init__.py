"""Verifies a running system: invariants, decisions computed again, chaos."""
