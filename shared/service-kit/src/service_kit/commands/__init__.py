"""Commands from HTTP: carried out in batches, once for each idempotency key."""
