"""PostgreSQL, the mail server, merchants' endpoints and the templates."""
