"""Allocation policies: the order of a queue, the guards, and the documents that state them."""
