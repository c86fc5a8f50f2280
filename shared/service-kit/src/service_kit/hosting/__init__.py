"""What a service consists of, and how it runs: HTTP, the worker's tasks, start and stop."""
