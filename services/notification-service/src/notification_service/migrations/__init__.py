"""The schema of the notification database."""
