"""The one place where inventory is put together."""

from __future__ import annotations

from importlib import import_module

from event_contracts import Topic
from inventory_service.adapters.use_cases import UseCases
from inventory_service.application.book_orders import ORDER_EVENTS
from inventory_service.config import InventorySettings
from service_kit.clock import Clock, SystemClock
from service_kit.database import Database
from service_kit.service import Service
from service_kit.subscription import Subscription

DESCRIPTION = """\
SKUs and their selling policy, locations, suppliers, purchase orders and the append-only stock ledger.

Supply is on hand plus shipped: a shipment moves units from one to the other, only receipts, counts and
adjustments change the supply. SKUs are opaque and case-sensitive; percent-encode them in paths.
Business times (`received_at`, `counted_at`, ...) may be stated only by keys with the scope `import`.
"""


def build(
    settings: InventorySettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Service:
    """The inventory service, wired; settings come from the environment where none are given."""
    settings = settings or InventorySettings()
    database = database or Database(
        settings.database_url, pool_size=settings.pool_size, application_name="inventory-service"
    )
    # Entrypoints stand above this module, which therefore names them instead of importing them.
    http = import_module("inventory_service.entrypoints.http")
    use_cases = UseCases(database, clock or SystemClock())
    return Service(
        name="inventory",
        settings=settings,
        database=database,
        routers=http.routers(use_cases),
        subscription=Subscription((Topic.ORDERS,), ORDER_EVENTS, use_cases.handle_orders),
        title="Backorder inventory",
        description=DESCRIPTION,
        large_body_paths=http.LARGE_BODIES,
        migrations_module="inventory_service",
        tags=http.TAGS,
    )
