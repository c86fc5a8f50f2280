"""`backorder replay-decisions`: recomputes stored decisions from the inputs that were stored with them."""
