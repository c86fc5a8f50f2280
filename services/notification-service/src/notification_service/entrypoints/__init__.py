"""How the service is entered: HTTP, the consumer of events, background loops, and the process itself."""
