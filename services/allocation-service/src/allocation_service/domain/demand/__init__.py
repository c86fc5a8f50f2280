"""Order lines as allocation keeps them, and what is expected to be ordered."""
