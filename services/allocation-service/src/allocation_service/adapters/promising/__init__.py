"""What promises are made from, on PostgreSQL."""
