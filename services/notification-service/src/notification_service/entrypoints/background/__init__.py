"""The background loops of the service, a file each."""
