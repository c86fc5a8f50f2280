"""Use cases of notifications: composing, sending, waiting for a contact, sending again."""
