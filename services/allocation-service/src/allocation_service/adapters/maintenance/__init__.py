"""Retention, and finding what background loops work on."""
