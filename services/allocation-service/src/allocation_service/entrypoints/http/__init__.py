"""The API: availability, the queue, decisions and policies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from fastapi import APIRouter

from allocation_service.config import AllocationSettings
from allocation_service.entrypoints.http import (
    availability,
    backorders,
    decisions,
    lending,
    pins,
    policies,
    policy_assignments,
    runs,
    short_policies,
    simulations,
    why,
)
from service_kit.persistence.database import Database

TAGS = {
    "Availability": "What can be had now, and by when",
    "Backorders": "Who waits for what, at which place, promised for when",
    "Decisions": "Why somebody got something",
    "Lending": "Units that serve somebody else until a delivery brings them back, and how often it came too late",
    "Policies": "In which order those who wait are served, and what guards the others",
    "Runs": "Going over who has what, previewed before it is done",
    "Simulations": "Policies side by side on the same orders and the same supply",
}

Now = Callable[[], Awaitable[datetime]]


def routers(
    database: Database,
    now: Now,
    settings: AllocationSettings,
    simulation_wanted: asyncio.Event,
    run_api: runs.Runs,
) -> list[APIRouter]:
    """All routes of the service."""
    grace_days, tiers = settings.grace_days, settings.tiers
    return [
        availability.router(database, now, grace_days),
        backorders.router(database, now, grace_days),
        decisions.router(database),
        lending.router(database),
        policies.router(database, now, tiers),
        policy_assignments.router(database, now),
        runs.router(run_api),
        pins.router(database, run_api.wall),
        short_policies.router(database, now, tiers),
        simulations.router(database, simulation_wanted),
        why.router(database, now, grace_days, tiers),
    ]
