"""The chaos run: the whole system under load while everything in it is killed, then every promise checked."""
