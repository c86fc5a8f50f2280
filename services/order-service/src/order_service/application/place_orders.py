"""Use case: place a batch of new orders."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from order_service.application.commands import Accepted, PlaceOrder
from order_service.application.errors import InvalidOrder, OrderReferenceTaken, OrderTooLarge
from order_service.application.history import entry_of_change
from order_service.application.order_event import SMALL_EVENT_LINES, bytes_to_come, fits_one_event, order_event
from order_service.application.ports import NewOrderUnitOfWork, PlacedOrder
from order_service.domain.dates import DateFault, find_date_faults, find_quoted_date_fault
from order_service.domain.errors import Refusal
from order_service.domain.order import Order


async def place_orders(uow: NewOrderUnitOfWork, commands: Sequence[PlaceOrder]) -> list[Accepted | Refusal]:
    """Store each order that can be accepted, and publish `OrderPlaced`; for each command its acceptance or its refusal.

    Order, first history entry, event and claimed idempotency key are stored together or not at all.

    Refusals, which do not touch the other orders: InvalidOrder, OrderTooLarge, OrderReferenceTaken.
    """
    unknown_skus = await uow.skus.unknown({line.sku for command in commands for line in command.lines})
    checked = [_check(command, unknown_skus, uow.now) for command in commands]
    new_orders = [each for each in checked if isinstance(each, PlacedOrder)]
    holders = await uow.new_orders.add(new_orders) if new_orders else {}
    results: list[Accepted | Refusal] = []
    for each in checked:
        if isinstance(each, Refusal):
            results.append(each)
        elif each.order.order_id in holders:
            results.append(OrderReferenceTaken(holders[each.order.order_id]))
        else:
            results.append(Accepted(each.order.order_id, each.order.version, each.order.sequence, uow.now))
    return results


def _check(command: PlaceOrder, unknown_skus: Collection[str], now: datetime) -> PlacedOrder | Refusal:
    date_faults = [*find_date_faults(command.terms, command.placed_at), *_quoted_date_faults(command)]
    unknown = [index for index, line in enumerate(command.lines) if line.sku in unknown_skus] if unknown_skus else []
    if date_faults or unknown:
        return InvalidOrder(date_faults, unknown)
    order, change = Order.place(command.order_id, command.terms, command.placed_at, command.lines)
    event = order_event(order, change, now)
    if 2 * len(command.lines) > SMALL_EVENT_LINES and not fits_one_event(event, bytes_to_come(order)):
        return OrderTooLarge()
    return PlacedOrder(order, entry_of_change(order, change), event, command.payment)


def _quoted_date_faults(command: PlaceOrder) -> Iterator[DateFault]:
    for index, line in enumerate(command.lines):
        fault = find_quoted_date_fault(f"lines/{index}/quoted_date", line.quoted_date, command.placed_at)
        if fault is not None:
            yield fault
