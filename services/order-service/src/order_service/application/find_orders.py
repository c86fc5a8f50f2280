"""Use cases: read an order, and list orders."""

from __future__ import annotations

from collections.abc import Sequence

from order_service.application.errors import OrderNotFound
from order_service.application.ports import OrderUnitOfWork, OrderWatch
from order_service.application.queries import OrderFilter, OrderKey, OrderRecord, Visibility
from service_kit.commands.execute import read
from service_kit.persistence.unit_of_work import UnitOfWorkFactory


async def find_order(uow: OrderUnitOfWork, order_id: str, visibility: Visibility) -> OrderRecord:
    """The order as it is now. Raises OrderNotFound."""
    record = await uow.queries.order(order_id, visibility)
    if record is None:
        raise OrderNotFound
    return record


async def check_visible(uow: OrderUnitOfWork, order_id: str, visibility: Visibility) -> None:
    """Raise OrderNotFound if there is no such order or the caller may not see it."""
    if await uow.queries.order_version(order_id, visibility) is None:
        raise OrderNotFound


async def find_answered_order(
    units: UnitOfWorkFactory[OrderUnitOfWork], watch: OrderWatch, order_id: str, visibility: Visibility, seconds: float
) -> OrderRecord:
    """The order as soon as allocation has answered its latest change, or as it is after ``seconds``.

    No transaction stays open during the wait. Raises OrderNotFound.
    """
    record = await read(units, find_order, order_id, visibility)
    if seconds > 0 and record.answered < record.order.sequence:
        await watch.answered(order_id, record.order.sequence, seconds)
        record = await read(units, find_order, order_id, visibility)
    return record


async def find_orders(
    uow: OrderUnitOfWork, wanted: OrderFilter, visibility: Visibility, *, after: OrderKey | None, limit: int
) -> Sequence[OrderRecord]:
    """A page of at most ``limit`` orders; see `OrderQueries.orders`."""
    return await uow.queries.orders(wanted, visibility, after=after, limit=limit)
