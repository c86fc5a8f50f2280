"""The one place that wires the inventory service."""

from __future__ import annotations

from dataclasses import dataclass

from inventory_service.adapters.use_cases import UseCases
from inventory_service.config import InventorySettings
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts that the entrypoints stand on."""

    settings: InventorySettings
    database: Database
    use_cases: UseCases


def wire(
    settings: InventorySettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Wiring:
    """The parts from the settings (read from the environment by default), on another clock or database in tests."""
    settings = settings or InventorySettings()
    database = database or Database(
        settings.database_url,
        pool_size=settings.pool_size,
        application_name="inventory-service",
        idle_in_transaction=settings.idle_in_transaction,
    )
    return Wiring(settings, database, UseCases(database, clock or SystemClock()))
