"""Tables of lateness, first dates and what became of them."""
