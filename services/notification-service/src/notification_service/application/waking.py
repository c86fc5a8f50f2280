"""Messages that waited for their contact: told as things stand once it is known, or given up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from notification_service.application.ports import UnitOfWork, UnitOfWorkFactory
from notification_service.application.publishing import conclude
from notification_service.application.records import Rewrite, SetAside
from notification_service.application.telling import count_ended, facts_of
from notification_service.domain.messages import Message
from notification_service.domain.orders import WatchedOrder
from service_kit.runtime.clock import Clock

WOKEN_AT_ONCE = 200
"""Orders; a contact of more of them gets the others by the next sweeps."""


@dataclass(slots=True)
class _Plan:
    requeued: list[str] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)
    rewritten: list[tuple[SetAside, WatchedOrder, Message]] = field(default_factory=list)


async def wake(work: UnitOfWork, now: datetime, contact_id: str | None = None) -> int:
    """Queue what waits for contacts (or this contact) known by now; returns how many orders it was about.

    What an order's messages would have said may be overtaken: one of them goes out and tells the order's state as
    it is now, measured from what the customer knew before the first of them. The others are superseded.
    """
    order_ids = await work.notifications.wakeable_orders(WOKEN_AT_ONCE, contact_id)
    if not order_ids:
        return 0
    orders = await work.orders.lock(order_ids)
    by_order: dict[str, list[SetAside]] = defaultdict(list)
    for message in await work.notifications.lock_unsent(order_ids):
        by_order[message.order_id].append(message)
    plan = _Plan()
    for order_id, messages in by_order.items():
        _retell(plan, orders[order_id], messages)
    skus = {change.sku for *_, message in plan.rewritten for section in message.sections for change in section.changes}
    names = await work.orders.sku_names(skus)
    await work.orders.save(orders.values())
    await work.notifications.supersede(plan.superseded, now)
    rewrites = [
        Rewrite(last.notification_id, message.template.value, facts_of(order, message, names), last.told_before or {})
        for last, order, message in plan.rewritten
    ]
    await work.notifications.rewrite(rewrites, now)
    await work.notifications.requeue(plan.requeued, now)
    return len(order_ids)


def _retell(plan: _Plan, order: WatchedOrder, messages: Sequence[SetAside]) -> None:
    """Decide what becomes of one order's unsent ``messages``, the oldest first."""
    # One to a contact that the order has no more, or made before the baseline was kept, goes out as it is.
    stale = [m for m in messages if m.contact_id == order.contact_id and m.told_before is not None]
    plan.requeued += [m.notification_id for m in messages if m not in stale]
    if not stale:
        return
    first, last = stale[0], stale[-1]
    order.untell(first.told_before or {})
    # Changes that are still being gathered (a take-back may settle) make the message when their time has come.
    message = order.tell() if order.due is None else None
    plan.superseded += [m.notification_id for m in stale if m is not last or message is None]
    if message is not None:
        # The row is kept with its cause: one message an event.
        kept = SetAside(last.notification_id, last.order_id, last.contact_id, first.told_before)
        plan.rewritten.append((kept, order, message))


async def settle_waiting(uow: UnitOfWorkFactory, clock: Clock, limit: int = 500) -> int:
    """Wake messages whose contact has come, and give up those that waited too long; returns how many it were.

    Two transactions: giving up locks contacts, which come before the orders that waking has locked.
    """
    async with uow.transaction() as work:
        woken = await wake(work, clock.now())
    async with uow.transaction() as work:
        now = clock.now()
        overdue = await work.notifications.overdue(now, limit)
        finished = await conclude(work, overdue, now)
    count_ended(finished)
    return woken + len(overdue)
