"""Handing supply to demand: new demand, the backorder queue, deferred orders."""
