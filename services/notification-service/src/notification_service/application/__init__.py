"""The use cases of the notification service, free of technology, and the ports that they need."""
