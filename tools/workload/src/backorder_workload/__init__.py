"""Loads and shows a running system: replay, demo, simulate."""
