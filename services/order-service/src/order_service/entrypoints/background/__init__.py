"""The loops of the order service."""
