"""Mutants: small defects planted in a copy of a service's source, each of which some test must fail on."""
