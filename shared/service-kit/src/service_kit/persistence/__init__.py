"""PostgreSQL: transactions, statements, migrations."""
