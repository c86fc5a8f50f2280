"""The inventory service: the wired application with its API and its subscription."""

from __future__ import annotations

from inventory_service.bootstrap import wire
from inventory_service.config import InventorySettings
from inventory_service.entrypoints import http
from inventory_service.entrypoints.consumer import subscription
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.persistence.database import Database
from service_kit.runtime.clock import Clock

_DESCRIPTION = """\
SKUs and their selling policy, locations, suppliers, purchase orders and the append-only stock ledger.

Supply is on hand plus shipped: a shipment moves units from one to the other, only receipts, counts, adjustments
and supplier returns change the supply. SKUs are opaque and case-sensitive; percent-encode them in paths.
Business times (`received_at`, `counted_at`, ...) may be stated only by keys with the scope `import`.
"""


def build(
    settings: InventorySettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> Service:
    """The service with these settings, by default those of the environment; tests give a clock or a database."""
    app = wire(settings, clock=clock, database=database)
    return Service(
        name=app.settings.service_name,
        settings=app.settings,
        database=app.database,
        api=Api(
            http.ROUTERS,
            title="Backorder inventory",
            description=_DESCRIPTION,
            tags=http.TAGS,
            large_body_paths=http.LARGE_BODIES,
            problems=http.PROBLEMS,
            application=app,
        ),
        subscription=subscription(app),
    )
