"""What a caller may ask of a simulation, in words that need no numerical library."""

from __future__ import annotations

OWN_POLICIES = ("fifo", "priority")
"""Policies of the service that a benchmark knows by name."""

BASELINE_NAMES = ("odoo", "ofbiz", "spree")
"""The sort keys of known open systems."""

DEFAULT_POLICIES = (*OWN_POLICIES, *BASELINE_NAMES)

LARGEST = 4_000
"""Worlds times SKUs that one request over HTTP may ask for, both scenarios counted."""
