"""The HTTP side of a service: the application factory and what endpoints are written with."""
