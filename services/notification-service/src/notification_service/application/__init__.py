"""Use cases of the notification service, free of technology."""
