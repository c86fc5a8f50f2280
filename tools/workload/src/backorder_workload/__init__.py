"""Workloads: replays orders through a running system, demonstrates it, simulates policies."""
