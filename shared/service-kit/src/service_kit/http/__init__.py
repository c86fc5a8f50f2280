"""The HTTP side of a service: its application, and what its endpoints are written with."""
