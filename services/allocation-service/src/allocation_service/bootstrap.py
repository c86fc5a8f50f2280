"""The one place that wires the allocation service."""

from __future__ import annotations

from dataclasses import dataclass

from allocation_service.adapters.event_handler import AllocationHandler
from allocation_service.application.session.handle_events import Options
from allocation_service.config import AllocationSettings
from allocation_service.wording.reason_words import published_words
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts that the entrypoints stand on."""

    settings: AllocationSettings
    clock: Clock
    database: Database
    handler: AllocationHandler


def wire(
    settings: AllocationSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Wiring:
    """The parts from the settings (read from the environment by default), on another clock or database in tests."""
    settings = settings or AllocationSettings()
    database = database or Database(
        settings.database_url,
        pool_size=settings.pool_size,
        application_name="allocation",
        idle_in_transaction=settings.idle_in_transaction,
    )
    options = Options(published_words, settings.tiers, settings.grace_days)
    return Wiring(settings, clock or SystemClock(), database, AllocationHandler(options))
