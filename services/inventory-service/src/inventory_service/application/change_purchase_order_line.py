"""Change the expected arrival or the quantity of a purchase-order line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.application.purchase_order_lines import inactive_locations, lock_line, save_line
from inventory_service.domain.errors import OrderLocationInactive, VersionRequired
from inventory_service.domain.expected_version import ExpectedLineVersion
from inventory_service.domain.purchase_order import PurchaseOrderLine


@dataclass(frozen=True, slots=True)
class ChangePurchaseOrderLine:
    """The new arrival date, the new quantity in units, or both; None leaves a value as it is.

    ``changed_at`` is the business time, now if it is None.
    """

    purchase_order_id: str
    line_id: str
    expected: ExpectedLineVersion | None
    eta: datetime | None = None
    quantity: int | None = None
    changed_at: datetime | None = None


async def change_purchase_order_line(uow: InventoryUnitOfWork, command: ChangePurchaseOrderLine) -> PurchaseOrderLine:
    """Change the line and publish its inbound units; a change to what it is already changes and publishes nothing.

    Raises PurchaseOrderLineNotFound, VersionRequired if no version is expected, VersionMismatch, LineClosed,
    BelowReceived, and OrderLocationInactive for a larger quantity.
    """
    line = await lock_line(uow, command.purchase_order_id, command.line_id)
    if command.expected is None:
        raise VersionRequired
    command.expected.check(line.version, await uow.purchase_orders.version(command.purchase_order_id))
    changed = line.change(eta=command.eta, quantity=command.quantity)
    if changed.quantity > line.quantity and await inactive_locations(uow, [line.location_id]):
        raise OrderLocationInactive
    await save_line(uow, line, changed, command.changed_at or uow.now)
    return changed
