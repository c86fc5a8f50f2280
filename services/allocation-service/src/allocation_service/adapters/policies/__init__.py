"""Policies, versions and assignments as they are stored."""
