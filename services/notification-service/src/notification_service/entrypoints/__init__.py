"""Ways in: HTTP, the sweepers, the process."""
