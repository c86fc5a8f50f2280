"""The invariant checker: reads the four databases and the topics and says whether every promise of the system holds."""
