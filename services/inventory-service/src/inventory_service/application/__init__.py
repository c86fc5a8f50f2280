"""Inventory's use cases, one a file. They are called by HTTP and by the consumer, and never commit."""
