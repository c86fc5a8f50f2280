"""The ways in: HTTP, the process, and the tasks that run beside it."""
