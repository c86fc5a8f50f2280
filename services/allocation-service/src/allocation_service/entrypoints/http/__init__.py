"""The API: availability, the queue, decisions and policies."""

from __future__ import annotations

from allocation_service.entrypoints.http import (
    availability,
    backorders,
    calibration,
    decisions,
    delivery_history,
    lending,
    pins,
    policies,
    policy_assignments,
    promise_targets,
    runs,
    short_policies,
    simulations,
    why,
)
from allocation_service.entrypoints.http.problems import PROBLEMS

__all__ = ["LARGE_BODIES", "PROBLEMS", "ROUTERS", "TAGS"]

TAGS = {
    "Availability": "What can be had now, and by when",
    "Backorders": "Who waits for what, at which place, promised for when",
    "Decisions": "Why somebody got something",
    "Lending": "Units that serve somebody else until a delivery brings them back, and how often it came too late",
    "Promises": "How many dates are to be kept, how many are, and what they are named by",
    "Policies": "In which order those who wait are served, and what guards the others",
    "Runs": "Going over who has what, previewed before it is done",
    "Simulations": "Policies side by side on the same orders and the same supply",
}

LARGE_BODIES = frozenset({delivery_history.PATH})
"""Paths whose bodies may be large."""

ROUTERS = (
    availability.router,
    backorders.router,
    calibration.router,
    promise_targets.router,
    delivery_history.router,
    decisions.router,
    lending.router,
    policies.router,
    policy_assignments.router,
    runs.router,
    pins.router,
    short_policies.router,
    simulations.router,
    why.router,
)
