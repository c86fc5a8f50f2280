"""Choosing and writing allocation policies."""
