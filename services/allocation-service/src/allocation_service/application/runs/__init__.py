"""Planning and committing runs."""
