"""What allocation decides, without I/O, clock or randomness: the same inputs give the same answer, always."""
