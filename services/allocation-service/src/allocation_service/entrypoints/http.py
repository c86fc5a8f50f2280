"""The API: availability, the queue, decisions and policies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from fastapi import APIRouter

from allocation_service.entrypoints import availability_api, decisions_api, pins_api, policies_api, queue_api, runs_api
from service_kit.database import Database

TAGS = {
    "Availability": "What can be had now, and by when",
    "Backorders": "Who waits for what, at which place, promised for when",
    "Decisions": "Why somebody got something",
    "Policies": "In which order those who wait are served",
    "Runs": "Going over who has what, previewed before it is done",
}

Now = Callable[[], Awaitable[datetime]]


def routers(database: Database, now: Now, grace_days: int, runs: runs_api.Runs) -> list[APIRouter]:
    """All routes of the service."""
    return [
        availability_api.router(database, now, grace_days),
        queue_api.router(database, now, grace_days),
        decisions_api.router(database),
        policies_api.router(database),
        runs_api.router(runs),
        pins_api.router(database, runs.wall),
    ]
