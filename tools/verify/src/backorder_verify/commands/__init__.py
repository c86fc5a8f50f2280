"""The commands of this package, one module each; `backorder` finds them by their entry points."""
