"""What every use case of payments does when a payment may have changed: lines, history, event and row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from order_service.application.history import HistoryEntry, JsonValue, entry_of_change, line_figures
from order_service.application.order_event import order_event
from order_service.application.payments.payment_event import payment_event
from order_service.application.payments.ports import PaymentKey, StoredPayment
from order_service.application.payments.refund_deadline import refund_deadline
from order_service.application.ports import ChangedOrder, OrderUnitOfWork
from order_service.application.promises.record_promises import have_judged
from order_service.domain.order import Order
from order_service.domain.payments.attempts import Attempt
from order_service.domain.payments.order_money import money_lines, secure_lines
from order_service.domain.payments.postings import Posting
from order_service.domain.payments.summary import summary_of


@dataclass(slots=True)
class LockedPayment:
    """An order and its payment, both locked."""

    order: Order
    stored: StoredPayment


async def lock_payment(uow: OrderUnitOfWork, key: PaymentKey) -> LockedPayment | None:
    """Lock an order and then its payment; None if there is none."""
    orders = await uow.orders.lock({key.order_id: {None}})
    stored = await uow.payments.lock(key)
    if stored is None or key.order_id not in orders:
        return None
    return LockedPayment(orders[key.order_id], stored)


async def save_payment(
    uow: OrderUnitOfWork,
    locked: LockedPayment,
    *,
    look_at: datetime | None,
    postings: Sequence[Posting] = (),
    requested: Attempt | None = None,
) -> None:
    """Store a payment, and tell of it what has changed.

    The order's lines learn what is paid and held; where that changed, the order has a new version with an entry in its
    history. `PaymentUpdated` is published if the figures or the state changed, and `PaymentRequested` or
    `RefundRequested` where an attempt is ``requested`` of the merchant's system.
    """
    order, stored = locked.order, locked.stored
    payment, lines = stored.payment, money_lines(locked.order)
    target = payment.observe(lines, uow.now)
    changed = secure_lines(order, payment, lines, uow.now)
    summary = summary_of(payment, lines, target, uow.now)
    rights = await uow.promises.refunds_of_order(order.order_id) if summary.refund_since is not None else ()
    stored.refund_due_by = refund_deadline(order, summary, rights)
    if summary != stored.summary or requested is not None:
        payment.version += 1
        event = payment_event(stored, summary, requested, uow.now)
        await uow.publish([event])
    if order.completed_at is None and payment.first_valid_at is not None:
        await _complete(uow, order, payment.first_valid_at)
    if changed or summary.state is not stored.summary.state:
        order.version += 1
        entry = _entry(order, summary.state.value, changed, uow.now)
        await uow.orders.save([ChangedOrder(order, set(changed), [])], [entry])
    stored.summary, stored.look_at = summary, look_at
    await uow.payments.save(stored, postings)


async def _complete(uow: OrderUnitOfWork, order: Order, at: datetime) -> None:
    """An earlier payment was not honoured, so that the law's time for the order begins with the one that was."""
    change = order.complete(max(at, order.placed_at))
    await uow.orders.save([ChangedOrder(order, set(), [])], [entry_of_change(order, change)])
    await uow.publish([order_event(order, change, uow.now)])
    await have_judged(uow, [order])


def _entry(order: Order, state: str, changed: Sequence[str], at: datetime) -> HistoryEntry:
    lines = [line_figures(order.lines[line_id]) for line_id in changed]
    detail: dict[str, JsonValue] = {"lines": lines, "payment": state}
    return HistoryEntry(order.order_id, order.version, "PaymentUpdated", order.state.value, at, detail)
