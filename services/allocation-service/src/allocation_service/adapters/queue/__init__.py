"""Reading the backorder queue in the order of its policy."""
