"""Place purchase orders with suppliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory_service.application.integration_events import inbound_changed
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.domain.errors import NameFault, NameKind, NamesRefused, ReferenceTaken
from inventory_service.domain.purchase_order import PurchaseOrder, PurchaseOrderLine


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A line of a purchase order to place; ``quantity`` in units."""

    line_id: str
    sku: str
    quantity: int
    eta: datetime


@dataclass(frozen=True, slots=True)
class PlacePurchaseOrder:
    """Order units from a supplier, to be delivered to a location. The caller chooses the ids."""

    purchase_order_id: str
    reference: str
    supplier_id: str
    location_id: str
    ordered_at: datetime
    lines: tuple[OrderedLine, ...]


async def place_purchase_orders(
    uow: InventoryUnitOfWork, commands: Sequence[PlacePurchaseOrder]
) -> list[PurchaseOrder | Exception]:
    """Store the orders and publish ``InboundScheduled`` for each of their lines.

    Returns the order or the refusal of each command, in the same order: NamesRefused, ReferenceTaken.
    """
    results: dict[str, PurchaseOrder | Exception] = {}
    results.update(await _name_refusals(uow, commands))
    orders = [_order(command, uow.now) for command in commands if command.purchase_order_id not in results]
    claimed = await uow.purchase_orders.claim(orders)
    results.update(await _reference_refusals(uow, [o for o in orders if o.purchase_order_id not in claimed]))
    placed = [order for order in orders if order.purchase_order_id in claimed]
    await uow.purchase_orders.add_lines(placed)
    await uow.publish(
        [inbound_changed("InboundScheduled", line, order.ordered_at) for order in placed for line in order.lines]
    )
    results.update({order.purchase_order_id: order for order in placed})
    return [results[command.purchase_order_id] for command in commands]


async def _name_refusals(uow: InventoryUnitOfWork, commands: Sequence[PlacePurchaseOrder]) -> dict[str, NamesRefused]:
    skus = await uow.catalogue.unusable_skus({line.sku for command in commands for line in command.lines})
    locations = await uow.catalogue.location_terms({command.location_id for command in commands})
    suppliers = await uow.catalogue.unknown_suppliers({command.supplier_id for command in commands})
    refusals = {}
    for command in commands:
        faults = []
        if command.supplier_id in suppliers:
            faults.append(NameFault(NameKind.SUPPLIER))
        terms = locations.get(command.location_id)
        if terms is None or not terms.active:
            faults.append(NameFault(NameKind.LOCATION, inactive=terms is not None))
        faults += [
            NameFault(NameKind.SKU, number, merged_into=skus[line.sku])
            for number, line in enumerate(command.lines)
            if line.sku in skus
        ]
        if faults:
            refusals[command.purchase_order_id] = NamesRefused(faults)
    return refusals


async def _reference_refusals(uow: InventoryUnitOfWork, orders: Sequence[PurchaseOrder]) -> dict[str, ReferenceTaken]:
    if not orders:
        return {}
    holders = await uow.purchase_orders.holders({order.reference for order in orders})
    return {order.purchase_order_id: ReferenceTaken(holders.get(order.reference)) for order in orders}


def _order(command: PlacePurchaseOrder, created_at: datetime) -> PurchaseOrder:
    lines = tuple(
        PurchaseOrderLine(
            line_id=line.line_id,
            purchase_order_id=command.purchase_order_id,
            supplier_id=command.supplier_id,
            location_id=command.location_id,
            sku=line.sku,
            quantity=line.quantity,
            eta=line.eta,
            ordered_at=command.ordered_at,
        )
        for line in command.lines
    )
    return PurchaseOrder(
        purchase_order_id=command.purchase_order_id,
        reference=command.reference,
        supplier_id=command.supplier_id,
        location_id=command.location_id,
        ordered_at=command.ordered_at,
        created_at=created_at,
        lines=lines,
    )
