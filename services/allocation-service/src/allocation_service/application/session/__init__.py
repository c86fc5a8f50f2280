"""One transaction of allocation: what it locked, changes, records and publishes."""
