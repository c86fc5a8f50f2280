"""`backorder check`: reads the four databases and the topics and verifies every invariant of the system."""
