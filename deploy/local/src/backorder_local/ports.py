"""TCP ports on the loopback address."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below the range the kernel takes outgoing ports from, so that no connection grabs a port that a stopped
# server is about to bind again.
_LOWEST, _HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """True if a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None, avoid: frozenset[int] = frozenset()) -> int:
    """The preferred port if it is free, else a random free one that is not in `avoid`."""
    if preferred is not None and preferred not in avoid and is_free(preferred):
        return preferred
    for _ in range(1_000):
        port = random.randrange(_LOWEST, _HIGHEST)
        if port not in avoid and is_free(port):
            return port
    raise OSError("no free TCP port found on 127.0.0.1")
