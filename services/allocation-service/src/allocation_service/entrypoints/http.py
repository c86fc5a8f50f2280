"""The API: availability, the queue, decisions and policies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from fastapi import APIRouter

from allocation_service.config import AllocationSettings
from allocation_service.entrypoints import (
    availability_api,
    decisions_api,
    lending_api,
    pins_api,
    policies_api,
    policy_assignments_api,
    queue_api,
    runs_api,
    short_policies_api,
    simulations_api,
    why_api,
)
from service_kit.database import Database

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
    runs: runs_api.Runs,
) -> list[APIRouter]:
    """All routes of the service."""
    grace_days, tiers = settings.grace_days, settings.tiers
    return [
        availability_api.router(database, now, grace_days),
        queue_api.router(database, now, grace_days),
        decisions_api.router(database),
        lending_api.router(database),
        policies_api.router(database, now, tiers),
        policy_assignments_api.router(database, now),
        runs_api.router(runs),
        pins_api.router(database, runs.wall),
        short_policies_api.router(database, now, tiers),
        simulations_api.router(database, simulation_wanted),
        why_api.router(database, now, grace_days, tiers),
    ]
