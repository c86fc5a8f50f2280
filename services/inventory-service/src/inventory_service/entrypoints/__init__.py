"""How inventory is reached: by HTTP, by events, and as a process."""
