"""Add lines to purchase orders that were placed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from event_contracts import Event
from inventory_service.application.integration_events import inbound_changed
from inventory_service.application.place_purchase_orders import OrderedLine
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.application.purchase_order_lines import inactive_locations
from inventory_service.domain.errors import (
    NameFault,
    NameKind,
    NamesRefused,
    OrderLocationInactive,
    PurchaseOrderNotFound,
    TooManyOrderLines,
    VersionMismatch,
)
from inventory_service.domain.expected_version import ExpectedOrderVersion
from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine

_REFUSALS = (NamesRefused, OrderLocationInactive, PurchaseOrderNotFound, TooManyOrderLines, VersionMismatch)


@dataclass(frozen=True, slots=True)
class AddPurchaseOrderLine:
    """Order units of one more SKU with an order placed before. The caller chooses the line's id."""

    purchase_order_id: str
    line: OrderedLine
    added_at: datetime
    expected: ExpectedOrderVersion | None = None


async def add_purchase_order_lines(
    uow: InventoryUnitOfWork, commands: Sequence[AddPurchaseOrderLine]
) -> list[PurchaseOrderLine | Exception]:
    """Store each line behind the others of its order and publish ``InboundScheduled`` for it.

    An order takes lines whatever has become of its others. Returns the line or the refusal of each command, in the
    same order: PurchaseOrderNotFound, VersionMismatch, OrderLocationInactive, NamesRefused, TooManyOrderLines.
    """
    unusable = await uow.catalogue.unusable_skus({command.line.sku for command in commands})
    orders = await uow.purchase_orders.lock_orders({command.purchase_order_id for command in commands})
    inactive = await inactive_locations(uow, {order.location_id for order in orders.values()})
    results: list[PurchaseOrderLine | Exception] = []
    added: list[tuple[int, PurchaseOrderLine]] = []
    events: list[Event] = []
    for command in commands:
        try:
            order = _extended(orders.get(command.purchase_order_id), command, unusable, inactive)
        except _REFUSALS as refusal:
            results.append(refusal)
            continue
        orders[order.purchase_order_id] = order
        line = order.lines[-1]
        added.append((len(order.lines), line))
        events.append(inbound_changed("InboundScheduled", line, command.added_at))
        results.append(line)
    await uow.purchase_orders.append_lines(added)
    await uow.publish(events)
    return results


def _extended(
    order: PurchaseOrder | None, command: AddPurchaseOrderLine, unusable: Mapping[str, str | None], inactive: set[str]
) -> PurchaseOrder:
    if order is None:
        raise PurchaseOrderNotFound
    if command.expected is not None:
        command.expected.check(order.version)
    if order.location_id in inactive:
        raise OrderLocationInactive
    line = command.line
    if line.sku in unusable:
        raise NamesRefused([NameFault(NameKind.SKU, merged_into=unusable[line.sku])])
    return order.add(
        PurchaseOrderLine(
            line_id=line.line_id,
            purchase_order_id=order.purchase_order_id,
            supplier_id=order.supplier_id,
            location_id=order.location_id,
            sku=line.sku,
            quantity=line.quantity,
            eta=line.eta,
            ordered_at=order.ordered_at,
        )
    )
