"""Verifies a running system: checks its invariants, recomputes its decisions, kills it at random."""
