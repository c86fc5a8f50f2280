"""Inventory's use cases. Handlers take batches: of commands, and of events."""
