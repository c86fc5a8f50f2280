"""What keeps the database small and the metrics true."""
