"""What a service consists of, and running it."""
