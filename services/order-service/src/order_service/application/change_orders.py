"""Use case: amend, extend, cancel and ship a batch of orders, and void shipments.

The changes are one use case because they share one batch: changes of the same order that arrive together must
see each other's effect.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime

from event_contracts import Event
from order_service.application.commands import (
    Accepted,
    AddLine,
    AmendLine,
    AmendOrder,
    CancelOrder,
    ChangeOrder,
    ShipOrder,
    VoidShipment,
)
from order_service.application.errors import (
    OrderNotFound,
    OrderTooLarge,
    OutdatedVersion,
    ShipmentReferenceTaken,
    UnknownSku,
)
from order_service.application.history import HistoryEntry, entry_of_change
from order_service.application.order_event import SMALL_EVENT_LINES, bytes_to_come, fits_one_event, order_event
from order_service.application.ports import ChangedOrder, OrderUnitOfWork
from order_service.application.promises.cancel_units import refund_rights
from order_service.application.promises.promise_store import RefundRight
from order_service.application.promises.record_promises import have_judged, let_amended_date_bind
from order_service.domain.errors import OtherCurrency, Refusal
from order_service.domain.order import Change, Order, Shipment
from order_service.domain.promises.calendar import day_of
from order_service.domain.promises.recording import LegalTerms
from order_service.domain.promises.refunds import RefundTerms
from order_service.domain.promises.verdict import Cancellation, CancellationCause


async def change_orders(
    uow: OrderUnitOfWork, commands: Sequence[ChangeOrder], *, refunds: RefundTerms | None = None
) -> list[Accepted | Refusal]:
    """Carry out the commands in order; for each its acceptance or its refusal.

    Of an order under a consumer law, units that are cancelled give a right to a refund, which is stored; an order whose
    dates matter is judged anew at once.

    Refusals, which leave the order as it was and do not touch the other commands: OrderNotFound, OutdatedVersion,
    IllegalMove, LineNotFound, UnknownLines, InvalidDates, UnknownSku, OtherCurrency, ShipmentNotFound,
    ShipmentReferenceTaken, OrderTooLarge.
    """
    visible_to: dict[str, set[str | None]] = {}
    for command in commands:
        visible_to.setdefault(command.order_id, set()).add(command.customer_id)
    orders = await uow.orders.lock(visible_to)
    adding = [command.line.sku for command in commands if isinstance(command, AddLine)]
    shipping = [command for command in commands if isinstance(command, ShipOrder)]
    batch = _Batch(
        orders,
        uow.now,
        release_dates=await uow.skus.release_dates(_skus_of(shipping, orders)) if shipping else {},
        shipment_references=await uow.shipments.ids_by_reference(_references_of(shipping)) if shipping else {},
        unknown_skus=await uow.skus.unknown(adding) if adding else frozenset(),
        refund_terms=refunds or RefundTerms(),
    )
    results = [batch.carry_out(command) for command in commands]
    if batch.changed:
        await uow.orders.save(list(batch.changed.values()), batch.history)
        await uow.promises.add_refunds(batch.refunds)
        await let_amended_date_bind(uow, [batch.orders[order_id] for order_id in sorted(batch.amended_dates)])
        await have_judged(uow, [one.order for one in batch.changed.values()])
        await uow.publish(batch.events)
    return results


@dataclass(slots=True)
class _Batch:
    """The locked orders of a batch, and what its commands have changed so far."""

    orders: dict[str, Order]
    now: datetime
    release_dates: Mapping[str, datetime]
    shipment_references: dict[str, str]
    unknown_skus: Collection[str]
    refund_terms: RefundTerms
    refunds: list[RefundRight] = field(default_factory=list)
    changed: dict[str, ChangedOrder] = field(default_factory=dict)
    amended_dates: set[str] = field(default_factory=set)
    history: list[HistoryEntry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def carry_out(self, command: ChangeOrder) -> Accepted | Refusal:
        try:
            order = self._order_for(command)
            self._check_names(order, command)
            self._change(order, command)
        except Refusal as refusal:
            return refusal
        return Accepted(order.order_id, order.version, order.sequence, self.now)

    def _order_for(self, command: ChangeOrder) -> Order:
        order = self.orders.get(command.order_id)
        if order is None or command.customer_id not in (None, order.terms.customer_id):
            raise OrderNotFound
        if command.expected_versions is not None and order.version not in command.expected_versions:
            raise OutdatedVersion
        return order

    def _check_names(self, order: Order, command: ChangeOrder) -> None:
        if isinstance(command, AddLine) and command.line.sku in self.unknown_skus:
            raise UnknownSku
        if isinstance(command, AmendLine) and command.currency not in (None, order.terms.currency):
            raise OtherCurrency(order.terms.currency)
        if isinstance(command, ShipOrder) and command.shipment.reference in self.shipment_references:
            raise ShipmentReferenceTaken(self.shipment_references[command.shipment.reference])

    def _change(self, order: Order, command: ChangeOrder) -> None:
        before = deepcopy(order) if _may_grow_too_large(order, command) else None
        was_open, latest = _open_units(order, command), order.terms.latest_acceptable_date
        change = _apply(order, _at_present(command, order), self.release_dates)
        if change is None:
            return
        if change.published:
            event = order_event(order, change, self.now)
            if before is not None and not _fits(event, order, command):
                self._restore(before)
                raise OrderTooLarge
            self.events.append(event)
        if isinstance(command, CancelOrder):
            self._note_refunds(order, command, change, was_open)
        if order.terms.latest_acceptable_date != latest:
            self.amended_dates.add(order.order_id)
        self._record(order, change)

    def _note_refunds(self, order: Order, command: CancelOrder, change: Change, was_open: Mapping[str, int]) -> None:
        """The rights of a customer whose units were cancelled by themselves, or by the merchant: 16 CFR 435.2(c)."""
        terms = LegalTerms.of(order)
        parts = {each: units for each in change.line_ids if (units := was_open[each] - order.lines[each].totals.open)}
        if terms.jurisdiction is None or not parts:
            return
        cause = CancellationCause.CUSTOMER if command.by_customer else CancellationCause.MERCHANT
        cancellation = Cancellation(cause, day_of(change.at, terms.zone))
        self.refunds += refund_rights(order, parts, dict.fromkeys(parts, cancellation), self.refund_terms)

    def _restore(self, before: Order) -> None:
        self.orders[before.order_id] = before
        if before.order_id in self.changed:
            self.changed[before.order_id].order = before

    def _record(self, order: Order, change: Change) -> None:
        self.history.append(entry_of_change(order, change))
        changed = self.changed.setdefault(order.order_id, ChangedOrder(order, set(), []))
        changed.line_ids.update(change.line_ids)
        changed.added_line_ids.update(change.added_line_ids)
        if change.voided is not None:
            changed.void(change.voided)
            self.shipment_references.pop(change.voided.reference or "", None)
        if change.shipment is not None:
            changed.shipments.append(change.shipment)
            self._take_reference(change.shipment)

    def _take_reference(self, shipment: Shipment) -> None:
        if shipment.reference is not None:
            self.shipment_references[shipment.reference] = shipment.shipment_id


def _at_present(command: ChangeOrder, order: Order) -> ChangeOrder:
    """The command; one that happens now, no earlier than what is known of the order, which other hosts dated."""
    if command.stated:
        return command
    if isinstance(command, VoidShipment):
        left = [one.shipped_at for one in order.shipments if one.shipment_id == command.shipment_id]
        return replace(command, at=max([command.at, *left]))
    if not isinstance(command, ShipOrder):
        return replace(command, at=max(command.at, order.placed_at))
    shipment = replace(command.shipment, shipped_at=order.present(command.shipment.shipped_at))
    return replace(command, at=shipment.shipped_at, shipment=shipment)


def _apply(order: Order, command: ChangeOrder, release_dates: Mapping[str, datetime]) -> Change | None:
    match command:
        case AmendOrder():
            return order.amend_terms(replace(order.terms, **command.fields), command.at)  # type: ignore[arg-type]
        case AmendLine():
            return order.amend_line(command.line_id, command.quantity, command.at, price=command.unit_price)
        case AddLine():
            return order.add_line(command.line, command.at)
        case CancelOrder():
            return order.cancel(command.at, command.reason, command.parts, by_customer=command.by_customer)
        case ShipOrder():
            return order.ship(command.shipment, release_dates, unpaid=command.unpaid)
        case VoidShipment():
            return order.void_shipment(command.shipment_id, command.at, command.reason)


def _open_units(order: Order, command: ChangeOrder) -> Mapping[str, int]:
    """Units of each line that are to be shipped yet, before a cancellation; empty before another change."""
    if not isinstance(command, CancelOrder):
        return {}
    return {line.line_id: line.totals.open for line in order.lines.values()}


def _may_grow_too_large(order: Order, command: ChangeOrder) -> bool:
    shipped_lines = sum(len(shipment.lines) for shipment in order.shipments)
    added = len(command.shipment.lines) if isinstance(command, ShipOrder) else 0
    if isinstance(command, AddLine):
        # Each of its lines is to leave some day.
        return 2 * (len(order.lines) + 1) + shipped_lines > SMALL_EVENT_LINES
    return len(order.lines) + shipped_lines + added > SMALL_EVENT_LINES


def _fits(event: Event, order: Order, command: ChangeOrder) -> bool:
    return fits_one_event(event, bytes_to_come(order) if isinstance(command, AddLine) else 0)


def _skus_of(commands: Iterable[ShipOrder], orders: Mapping[str, Order]) -> set[str]:
    return {
        order.lines[units.line_id].sku
        for command in commands
        if (order := orders.get(command.order_id)) is not None
        for units in command.shipment.lines
        if units.line_id in order.lines
    }


def _references_of(commands: Iterable[ShipOrder]) -> set[str]:
    return {command.shipment.reference for command in commands if command.shipment.reference is not None}
