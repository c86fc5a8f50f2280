"""Accept a batch of new orders in one go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from event_contracts import Event
from order_service.application.commands import Accepted, PlaceOrder
from order_service.application.contract import MAX_EVENT_BYTES, order_event
from order_service.application.history import HistoryEntry, entry_of_change
from order_service.application.ports import PlacementStore
from order_service.domain.dates import faults_of_dates
from order_service.domain.order import Order
from service_kit.http.problems import FieldError, Problem, conflict, unprocessable


async def place_orders(
    store: PlacementStore, commands: Sequence[PlaceOrder], now: datetime
) -> list[Accepted | Problem]:
    """Store every order that can be accepted; a refused one does not touch its neighbours.

    Refused: an unknown SKU or dates that cannot be meant (422, every such place named), a reference
    in use (409, its order named).
    """
    unknown = await store.unknown_skus({line.sku for command in commands for line in command.lines})
    outcomes: dict[str, Accepted | Problem] = {}
    accepted: list[tuple[Order, HistoryEntry, Event]] = []
    for command in commands:
        errors = _misfits(command, unknown)
        if errors:
            outcomes[command.order_id] = unprocessable(errors)
            continue
        order, change = Order.place(command.order_id, command.terms, command.placed_at, command.lines)
        event = order_event(order, change)
        if len(command.lines) > _SURELY_SMALL and len(event.value()) > MAX_EVENT_BYTES:
            outcomes[command.order_id] = too_large()
        else:
            accepted.append((order, entry_of_change(order, change), event))
    taken = await store.add(
        [order for order, _, _ in accepted],
        [entry for _, entry, _ in accepted],
        [event for _, _, event in accepted],
        now,
    )
    for order, _, _ in accepted:
        holder = taken.get(order.terms.reference)
        if holder is None or holder == order.order_id:
            outcomes[order.order_id] = Accepted(order.order_id, order.version, order.sequence, now)
        else:
            detail = "Another order has this reference already."
            outcomes[order.order_id] = conflict("reference_taken", detail, order_id=holder)
    return [outcomes[command.order_id] for command in commands]


_SURELY_SMALL = 300
"""Lines whose event is below the limit whatever their names: 300 of at most 1.6 KB."""


def too_large() -> Problem:
    """409: the order with all its lines and shipments is more than one event can carry."""
    return conflict("order_too_large", "The order's lines and shipments exceed what one event can carry.")


def _misfits(command: PlaceOrder, unknown: set[str]) -> list[FieldError]:
    faults = faults_of_dates(command.terms, command.placed_at)
    errors = [FieldError(f"/{name}", detail) for name, detail in faults]
    if unknown:
        errors += [
            FieldError(f"/lines/{index}/sku", "This SKU is not known.")
            for index, line in enumerate(command.lines)
            if line.sku in unknown
        ]
    return errors
