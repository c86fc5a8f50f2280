"""Computing stored decisions again from their stored inputs."""
