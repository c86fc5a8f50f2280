"""Cancel a purchase order: nothing more is expected on any of its lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inventory_service.application.integration_events import inbound_changed
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.domain.errors import PurchaseOrderNotFound
from inventory_service.domain.expected_version import ExpectedOrderVersion
from inventory_service.domain.purchase_order import PurchaseOrder


@dataclass(frozen=True, slots=True)
class CancelPurchaseOrder:
    """Close every line; ``expected`` None cancels whatever version there is.

    ``cancelled_at`` is the business time, now if it is None.
    """

    purchase_order_id: str
    expected: ExpectedOrderVersion | None = None
    cancelled_at: datetime | None = None


async def cancel_purchase_order(uow: InventoryUnitOfWork, command: CancelPurchaseOrder) -> PurchaseOrder:
    """Close the lines with open units and publish ``InboundCancelled`` for each; without any, nothing changes.

    What has arrived stays received. Raises PurchaseOrderNotFound and VersionMismatch.
    """
    order = (await uow.purchase_orders.lock_orders([command.purchase_order_id])).get(command.purchase_order_id)
    if order is None:
        raise PurchaseOrderNotFound
    if command.expected is not None:
        command.expected.check(order.version)
    cancelled = order.cancel()
    closed = [after for before, after in zip(order.lines, cancelled.lines, strict=True) if after != before]
    if closed:
        await uow.purchase_orders.save_lines(closed)
        occurred_at = command.cancelled_at or uow.now
        await uow.publish([inbound_changed("InboundCancelled", line, occurred_at) for line in closed])
    return cancelled
