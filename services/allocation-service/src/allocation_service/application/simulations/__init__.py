"""Simulations that callers ask for: policies side by side on the same orders and the same supply."""
