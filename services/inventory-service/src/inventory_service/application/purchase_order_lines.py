"""What the use cases share that change a line of a purchase order."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from inventory_service.application.integration_events import inbound_changed
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.domain.errors import PurchaseOrderLineNotFound
from inventory_service.domain.purchase_order import PurchaseOrderLine


async def lock_line(uow: InventoryUnitOfWork, purchase_order_id: str, line_id: str) -> PurchaseOrderLine:
    """The line of this order, locked. Raises PurchaseOrderLineNotFound."""
    line = (await uow.purchase_orders.lock_lines([line_id])).get(line_id)
    if line is None or line.purchase_order_id != purchase_order_id:
        raise PurchaseOrderLineNotFound
    return line


async def inactive_locations(uow: InventoryUnitOfWork, location_ids: Collection[str]) -> set[str]:
    """Those of the locations that are not active, so that no more is ordered to them."""
    terms = await uow.catalogue.location_terms(location_ids)
    return {location_id for location_id, of_location in terms.items() if not of_location.active}


async def save_line(
    uow: InventoryUnitOfWork, before: PurchaseOrderLine, after: PurchaseOrderLine, occurred_at: datetime
) -> None:
    """Store a line that differs from what it was, and publish ``InboundRescheduled`` or ``InboundCancelled``."""
    if after != before:
        await uow.purchase_orders.save_lines([after])
        name = "InboundRescheduled" if after.open else "InboundCancelled"
        await uow.publish([inbound_changed(name, after, occurred_at)])
