"""Payments over HTTP: what orders say of them, reading them, reporting results, and events of providers."""
