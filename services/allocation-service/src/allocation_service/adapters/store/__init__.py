"""The allocation store on PostgreSQL: reading and writing one session."""
