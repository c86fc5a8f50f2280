"""The commands of `backorder`, one module each, with a function `register(app)`."""
