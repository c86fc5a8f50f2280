"""Close a purchase-order line short: the units that have not arrived are no longer expected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.application.purchase_order_lines import lock_line, save_line
from inventory_service.domain.expected_version import ExpectedLineVersion
from inventory_service.domain.purchase_order import PurchaseOrderLine


@dataclass(frozen=True, slots=True)
class ClosePurchaseOrderLine:
    """Close the line; ``expected`` None closes whatever version there is.

    ``closed_at`` is the business time, now if it is None.
    """

    purchase_order_id: str
    line_id: str
    expected: ExpectedLineVersion | None = None
    closed_at: datetime | None = None


async def close_purchase_order_line(uow: InventoryUnitOfWork, command: ClosePurchaseOrderLine) -> PurchaseOrderLine:
    """Close the line and publish ``InboundCancelled``; closing a line on which nothing is open changes nothing.

    Raises PurchaseOrderLineNotFound and VersionMismatch.
    """
    line = await lock_line(uow, command.purchase_order_id, command.line_id)
    if command.expected is not None:
        command.expected.check(line.version, await uow.purchase_orders.version(command.purchase_order_id))
    closed = line.close()
    await save_line(uow, line, closed, command.closed_at or uow.now)
    return closed
