"""What explains a waiting line."""
