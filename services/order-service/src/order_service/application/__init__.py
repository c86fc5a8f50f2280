"""Use cases, on ports that the adapters implement."""
