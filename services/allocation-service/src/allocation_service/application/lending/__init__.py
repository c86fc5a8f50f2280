"""Lending stock and repaying it."""
