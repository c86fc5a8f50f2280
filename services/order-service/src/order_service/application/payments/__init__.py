"""How money follows orders: use cases of payments, and the ports that they need."""
