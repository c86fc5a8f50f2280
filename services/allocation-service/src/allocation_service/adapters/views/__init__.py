"""What the API shows, read by index."""
