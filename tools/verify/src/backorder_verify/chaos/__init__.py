"""The chaos run: the whole system under load, every process killed at random, then every invariant checked."""
