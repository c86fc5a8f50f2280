"""A service of one table, so that the kit can be tested without any of the real ones."""
