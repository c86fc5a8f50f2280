"""Cancelling units because a law or a customer's answer says so: the same change as any cancellation, with refunds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from event_contracts import Event, new_event_id
from order_service.application.history import HistoryEntry, entry_of_change
from order_service.application.order_event import order_event
from order_service.application.ports import ChangedOrder, OrderUnitOfWork
from order_service.application.promises.promise_store import RefundRight
from order_service.domain.order import Order
from order_service.domain.promises.recording import LegalTerms
from order_service.domain.promises.refunds import RefundTerms, refund_due_by
from order_service.domain.promises.verdict import Cancellation


@dataclass(slots=True)
class UnitsCancelled:
    """Orders that were changed, with what has to be stored and told of it."""

    changed: list[ChangedOrder] = field(default_factory=list)
    history: list[HistoryEntry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    refunds: list[RefundRight] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CancelledBy:
    """Why the open units of some lines are cancelled, ``at`` this business time; ``now`` is the wall clock."""

    lines: Mapping[str, Cancellation]
    at: datetime
    now: datetime
    offer_id: str | None = None


def cancel_units(done: UnitsCancelled, order: Order, by: CancelledBy, refunds: RefundTerms) -> None:
    """Cancel the open units of the lines, and add to ``done``; the reason in the history is the cause's code.

    Units that were shipped meanwhile are not among the open ones, so that nothing that left is cancelled.
    """
    open_units = {line_id: order.lines[line_id].totals.open for line_id in by.lines}
    parts = {line_id: units for line_id, units in open_units.items() if units > 0}
    if not parts:
        return
    cause = by.lines[next(iter(parts))].cause
    change = order.cancel(max(by.at, order.placed_at), cause.value, parts)
    done.changed.append(ChangedOrder(order, set(parts), []))
    done.history.append(entry_of_change(order, change))
    done.events.append(order_event(order, change, by.now))
    done.refunds.extend(refund_rights(order, parts, by.lines, refunds, by.offer_id))


async def store_cancelled(uow: OrderUnitOfWork, done: UnitsCancelled) -> None:
    """Store what was cancelled with the refunds that follow, have payments looked at, and publish `OrderCancelled`."""
    if not done.changed:
        return
    await uow.orders.save(done.changed, done.history)
    await uow.promises.add_refunds(done.refunds)
    paid = [one.order.order_id for one in done.changed if one.order.terms.payment_provider is not None]
    if paid:
        await uow.payments.touch(paid, uow.now)
    await uow.publish(done.events)


def refund_rights(
    order: Order,
    parts: Mapping[str, int],
    lines: Mapping[str, Cancellation],
    terms: RefundTerms,
    offer_id: str | None = None,
) -> Sequence[RefundRight]:
    """The rights that vest with units that were just cancelled, ``parts`` by line. Fees go back once, with the first
    line, where nothing of the order was shipped and nothing of it is left."""
    legal = LegalTerms.of(order)
    totals = order.totals
    fees = totals.shipped == 0 and totals.open == 0
    rights: list[RefundRight] = []
    for line_id, units in parts.items():
        vested_on = lines[line_id].vested_on
        due = refund_due_by(legal.jurisdiction, vested_on, legal.zone, terms=terms)
        rights.append(
            RefundRight(
                refund_id=new_event_id(),
                order_id=order.order_id,
                line_id=line_id,
                units=units,
                cause=lines[line_id].cause,
                vested_on=vested_on,
                refund_due_by=due,
                fees=fees and not rights,
                offer_id=offer_id,
            )
        )
    return rights
