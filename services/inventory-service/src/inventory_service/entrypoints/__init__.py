"""How the world reaches inventory: HTTP, and the process."""
