"""Allocation policies: the order of a queue, what is held back, and the documents that state them."""
