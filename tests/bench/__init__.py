"""Benchmarks of the whole system: ``make bench``, or ``python -m tests.bench``. CONTRIBUTING.md says how to add one."""
