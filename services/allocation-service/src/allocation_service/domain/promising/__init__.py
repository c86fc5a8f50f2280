"""Promise dates: which date a waiting line is told."""
