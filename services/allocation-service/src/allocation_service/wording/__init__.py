"""Reasons, and places in the queue, in words: the one package that makes sentences of them, in every language."""
