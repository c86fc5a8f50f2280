"""Commands from HTTP: carried out in batches, and once only for each idempotency key."""
