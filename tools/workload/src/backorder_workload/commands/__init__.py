"""Commands that `backorder` finds here, one module each, with a function `register(app)`."""
