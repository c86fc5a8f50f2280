"""Use cases: batches of commands and of events, on ports that the adapters implement."""
