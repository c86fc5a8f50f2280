"""The ports on PostgreSQL, signed tracking tokens, and the watch over orders that change."""
