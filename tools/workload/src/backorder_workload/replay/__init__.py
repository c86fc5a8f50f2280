"""Replays a stream of real or generated orders through the HTTP API of a running system, in simulated time."""
