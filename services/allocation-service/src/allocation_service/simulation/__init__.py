"""The paired benchmark of allocation policies: the same orders, patience and supply for every policy."""
