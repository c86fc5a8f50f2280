"""The inventory service: what is wired, with its API and its subscription."""

from __future__ import annotations

from event_contracts import Topic
from inventory_service.application.book_orders import ORDER_EVENTS
from inventory_service.bootstrap import wire
from inventory_service.config import InventorySettings
from inventory_service.entrypoints import http
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.messaging.subscription import Subscription
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock

_DESCRIPTION = """\
SKUs and their selling policy, locations, suppliers, purchase orders and the append-only stock ledger.

Supply is on hand plus shipped: a shipment moves units from one to the other, only receipts, counts and
adjustments change the supply. SKUs are opaque and case-sensitive; percent-encode them in paths.
Business times (`received_at`, `counted_at`, ...) may be stated only by keys with the scope `import`.
"""


def build(
    settings: InventorySettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Service:
    """The service from its settings (read from the environment by default), on another clock or database in tests."""
    wiring = wire(settings, clock=clock, database=database)
    return Service(
        name=wiring.settings.service_name,
        settings=wiring.settings,
        database=wiring.database,
        api=Api(
            http.routers(wiring.use_cases),
            title="Backorder inventory",
            description=_DESCRIPTION,
            tags=http.TAGS,
            large_body_paths=http.LARGE_BODIES,
        ),
        subscription=Subscription(
            (Topic.ORDERS,), dict.fromkeys(ORDER_EVENTS, wiring.use_cases.handle_orders), lambda conn: conn
        ),
    )
