"""What the use cases need from the world: the unit of work with its stores, the read models, and clients."""
