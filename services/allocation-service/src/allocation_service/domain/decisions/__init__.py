"""Decisions as they are recorded, computed again, and explained."""
