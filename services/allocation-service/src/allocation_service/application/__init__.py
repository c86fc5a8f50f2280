"""Use cases of allocation: apply facts, decide, answer. Knows no database and no broker."""
