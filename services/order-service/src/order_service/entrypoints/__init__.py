"""What calls the use cases: HTTP and the consumer; and the process that runs both."""
