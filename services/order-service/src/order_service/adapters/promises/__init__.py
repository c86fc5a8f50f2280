"""The legal record on PostgreSQL, and links to offers."""
