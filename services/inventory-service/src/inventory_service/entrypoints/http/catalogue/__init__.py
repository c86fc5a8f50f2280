"""SKUs, locations and suppliers."""
