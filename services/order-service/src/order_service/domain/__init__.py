"""The order aggregate: pure rules, standard library only."""
