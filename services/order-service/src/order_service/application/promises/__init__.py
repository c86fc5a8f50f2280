"""Use cases of the legal record: what was told, offered and answered, and what the law makes of it."""
