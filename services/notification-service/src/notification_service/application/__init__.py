"""The use cases of the notification service, free of technology. Each file has one, named as the file."""
