"""Backorder processing: a run is planned, previewed and committed."""
