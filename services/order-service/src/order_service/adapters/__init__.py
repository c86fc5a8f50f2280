"""SQL behind the ports, the read side, signed links, and the watch over orders that change."""
