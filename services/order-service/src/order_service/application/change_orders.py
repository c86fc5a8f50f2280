"""Amend, cancel and ship: a batch of changes to locked orders, each carried out or refused for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime

from event_contracts import Event
from order_service.application.commands import Accepted, AmendLine, ChangeOrder, ShipOrder
from order_service.application.contract import MAX_EVENT_BYTES, order_event
from order_service.application.history import HistoryEntry, entry_of_change, line_figures
from order_service.application.place_orders import too_large
from order_service.application.ports import ChangedOrder, OrderStore
from order_service.domain.errors import IllegalMove, UnknownLine, UnsoundTerms
from order_service.domain.order import Order
from service_kit.http.problems import FieldError, Problem, conflict, not_found, precondition_failed, unprocessable

_SURELY_SMALL = 300
"""Lines and shipped lines together whose event is below the limit whatever their names."""


async def change_orders(store: OrderStore, commands: Sequence[ChangeOrder], now: datetime) -> list[Accepted | Problem]:
    """Carry the commands out in order; several of one order see each other's effect.

    Refused: an order the caller may not see (404), another version than expected (412), a move the
    order's state does not allow (409 with the state), a line it does not have (422 or 404), dates that cannot
    be meant (422).
    """
    visible_to: dict[str, set[str | None]] = {}
    for command in commands:
        visible_to.setdefault(command.order_id, set()).add(command.customer_id)
    orders = await store.lock(visible_to)
    shipping = [command for command in commands if isinstance(command, ShipOrder)]
    batch = _Batch(
        orders,
        now,
        releases=await store.releases(_skus_of(shipping, orders)) if shipping else {},
        shipment_references=await store.shipment_references(
            {command.shipment.reference for command in shipping if command.shipment.reference is not None}
        )
        if shipping
        else {},
    )
    outcomes = [batch.carry_out(command) for command in commands]
    await store.save(list(batch.changed.values()), batch.history, now)
    await store.publish(batch.events)
    return outcomes


@dataclass(slots=True)
class _Batch:
    orders: dict[str, Order]
    now: datetime
    releases: Mapping[str, datetime]
    shipment_references: dict[str, str]
    changed: dict[str, ChangedOrder] = field(default_factory=dict)
    history: list[HistoryEntry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def carry_out(self, command: ChangeOrder) -> Accepted | Problem:
        order = self.orders.get(command.order_id)
        if order is None or command.customer_id not in (None, order.terms.customer_id):
            return not_found("order")
        if command.expected_versions is not None and order.version not in command.expected_versions:
            return precondition_failed()
        try:
            return self._apply(command, order)
        except IllegalMove as error:
            return _illegal(order, error)
        except UnknownLine as error:
            return _unknown_lines(command, error)
        except UnsoundTerms as error:
            return unprocessable([FieldError(f"/{name}", detail) for name, detail in error.faults])

    def _apply(self, command: ChangeOrder, order: Order) -> Accepted | Problem:
        reference = command.shipment.reference if isinstance(command, ShipOrder) else None
        if reference is not None and reference in self.shipment_references:
            holder = self.shipment_references[reference]
            return conflict("reference_taken", "Another shipment has this reference already.", shipment_id=holder)
        before = deepcopy(order) if _may_grow_too_large(order, command) else None
        change = command.apply(order, self.releases)
        if change is not None and change.published:
            event = order_event(order, change)
            if before is not None and len(event.value()) > MAX_EVENT_BYTES:
                self._undo(before)
                return too_large()
            self.events.append(event)
        if change is not None:
            self.history.append(entry_of_change(order, change))
            kept = self.changed.setdefault(order.order_id, ChangedOrder(order, set(), []))
            kept.line_ids.update(change.line_ids)
            if change.shipment is not None:
                kept.shipments.append(change.shipment)
                if reference is not None:
                    self.shipment_references[reference] = change.shipment.shipment_id
        return Accepted(order.order_id, order.version, order.sequence, self.now)

    def _undo(self, before: Order) -> None:
        self.orders[before.order_id] = before
        if before.order_id in self.changed:
            self.changed[before.order_id].order = before


def _may_grow_too_large(order: Order, command: ChangeOrder) -> bool:
    shipped_lines = sum(len(shipment.lines) for shipment in order.shipments)
    added = len(command.shipment.lines) if isinstance(command, ShipOrder) else 0
    return len(order.lines) + shipped_lines + added > _SURELY_SMALL


def _skus_of(commands: Sequence[ShipOrder], orders: Mapping[str, Order]) -> set[str]:
    return {
        order.lines[units.line_id].sku
        for command in commands
        if (order := orders.get(command.order_id)) is not None
        for units in command.shipment.lines
        if units.line_id in order.lines
    }


def _illegal(order: Order, error: IllegalMove) -> Problem:
    """409 with the order's state, and every line at fault with its own."""
    lines = [
        {**line_figures(order.lines[violation.line_id]), "code": violation.code, "detail": violation.detail}
        for violation in error.violations
    ]
    return conflict(error.code, error.detail, state=order.state.value, version=order.version, lines=lines)


def _unknown_lines(command: ChangeOrder, error: UnknownLine) -> Problem:
    """A line in the path is not found; lines in a body are listed by their place there."""
    if isinstance(command, AmendLine):
        return not_found("line")
    named = list(_named_lines(command))
    return unprocessable(
        [
            FieldError(f"/lines/{index}/line_id", "The order has no such line.")
            for index, line_id in enumerate(named)
            if line_id in error.line_ids
        ]
    )


def _named_lines(command: ChangeOrder) -> Sequence[str]:
    if isinstance(command, ShipOrder):
        return [units.line_id for units in command.shipment.lines]
    return list(getattr(command, "parts", None) or ())
