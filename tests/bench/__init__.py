"""Benchmarks of the whole system: ``python -m tests.bench``, or ``make bench``. README.md says how to add one."""
