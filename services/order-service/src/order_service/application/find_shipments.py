"""Use cases: read an order's shipments, and what can ship."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from order_service.application.find_orders import check_visible
from order_service.application.ports import OrderUnitOfWork
from order_service.application.queries import ShippableUnits, Visibility
from order_service.domain.errors import ShipmentNotFound
from order_service.domain.order import Shipment


async def find_shipments(uow: OrderUnitOfWork, order_id: str, visibility: Visibility) -> Sequence[Shipment]:
    """All shipments of the order, oldest first. Raises OrderNotFound."""
    await check_visible(uow, order_id, visibility)
    return await uow.queries.shipments(order_id)


async def find_shipment(uow: OrderUnitOfWork, order_id: str, shipment_id: str, visibility: Visibility) -> Shipment:
    """One shipment of the order. Raises ShipmentNotFound, also if the caller may not see the order."""
    if await uow.queries.order_version(order_id, visibility) is not None:
        for shipment in await uow.queries.shipments(order_id):
            if shipment.shipment_id == shipment_id:
                return shipment
    raise ShipmentNotFound


async def find_shippable_units(
    uow: OrderUnitOfWork, location_id: str, at: datetime, visibility: Visibility, *, after: str, limit: int
) -> Sequence[ShippableUnits]:
    """A page of at most ``limit`` lines; see `OrderQueries.shippable_units`."""
    return await uow.queries.shippable_units(location_id, at, visibility, after=after, limit=limit)
