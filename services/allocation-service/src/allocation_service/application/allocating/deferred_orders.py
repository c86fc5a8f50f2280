"""Deferred orders are decided alone, with all of their SKUs locked up front, oldest first.

Protocol rule 13, docs/protocol.md. A batch that meets such an order (or a demand behind one) stores it as
deferred in its own transaction, so that a crash loses nothing; the worker comes back to it right after.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from allocation_service.application.allocating.allocate_supply import allocate_supply, release
from allocation_service.application.allocating.backorder_queue import run_decision, together
from allocation_service.application.allocating.handle_events import close, finish
from allocation_service.application.allocating.new_demand import decide_new_demand, waits_for_deferred_order
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.apply_events import advance
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.options import Options, note_effects
from allocation_service.application.session.order import Order
from allocation_service.application.session.ports import AllocationStore
from allocation_service.application.session.session_records import Origin
from allocation_service.application.unit_of_work import AllocationUnitOfWork, Units
from allocation_service.domain import protocol_rules
from allocation_service.domain.policies.policy import Moment
from allocation_service.domain.policies.sorting import sort_key
from service_kit.commands.each_alone import ParkedItems, work_through
from service_kit.commands.execute import execute, read
from service_kit.persistence.parked_work import SetAside
from service_kit.runtime.garbage_collection import collector_paused

DEFERRED_ORDERS = "deferred_orders"
"""The task under which orders are set aside that cannot be decided."""


async def decide_all_deferred_orders(
    units: Units, options: Options, parked: ParkedItems | None = None, *, limit: int = 20
) -> int:
    """Decide stored deferred orders until none is left; the number decided. Safe to run from several workers.

    ``limit`` orders share a transaction: the memory they take at once stays with the process, in pieces. An order
    whose data make deciding fail is set aside in ``parked``, and from then on stands in nobody's way (protocol rule
    23); without ``parked`` its error is raised.
    """
    aside = None if parked is None else _OrdersAside(units, parked)
    done = 0
    while True:
        decided = await _decide_each_once(units, options, aside, limit)
        if not decided:
            return done
        done += decided


async def _decide_each_once(units: Units, options: Options, aside: _OrdersAside | None, limit: int) -> int:
    """One look at every deferred order; how many were decided. Others may have to wait for those to be decided."""
    tried: set[str] = set()

    async def step(order_ids: Sequence[str]) -> int:
        with collector_paused():
            return await execute(units, decide_deferred_orders, options, order_ids=order_ids)

    async def find(_: Collection[str]) -> Sequence[str]:
        # Those that are set aside are marked in the store; one that was deferred again meanwhile is none of them.
        return await read(units, _oldest, limit, tried)

    decided = 0
    while True:
        if aside is None:
            found = await find(())
            decided += await step(found) if found else 0
        else:
            made, found = await work_through(aside, DEFERRED_ORDERS, find, step)
            decided += made
        if not found:
            return decided
        tried.update(found)


class _OrdersAside:
    """Sets aside deferred orders, in the table of parked work and in the store."""

    def __init__(self, units: Units, parked: ParkedItems) -> None:
        self._units, self._parked = units, parked

    async def set_aside(self, task: str) -> SetAside:
        set_aside = await self._parked.set_aside(task)
        if set_aside.due:
            await execute(self._units, _take_up, set_aside.due)
        return set_aside

    async def release(self, task: str, items: Collection[str]) -> None:
        await self._parked.release(task, items)

    async def park(self, task: str, item: str, error: BaseException) -> None:
        await execute(self._units, _set_aside, task, item, error)

    async def database_responds(self) -> bool:
        return await self._parked.database_responds()


async def _oldest(uow: AllocationUnitOfWork, limit: int, without: Collection[str]) -> Sequence[str]:
    return await uow.store.oldest_deferred_orders(limit, without)


async def _take_up(uow: AllocationUnitOfWork, order_ids: Collection[str]) -> None:
    await uow.store.take_up_deferred_orders(order_ids)


async def _set_aside(uow: AllocationUnitOfWork, task: str, order_id: str, error: BaseException) -> None:
    await uow.store.set_deferred_order_aside(order_id, task, error)


async def decide_deferred_orders(
    uow: AllocationUnitOfWork, options: Options, limit: int = 20, *, order_ids: Sequence[str] | None = None
) -> int:
    """Decide the oldest deferred orders, at most ``limit`` of them, or those of ``order_ids``; the number decided.

    Nothing else is decided, except that stock these orders let go of is handed on.
    """
    if order_ids is None:
        order_ids = await uow.store.oldest_deferred_orders(limit)
    if not order_ids:
        return 0
    session = await _decide(uow.store, options, order_ids)
    note_effects(uow, session, options)
    return session.effects.deferred_orders_decided


async def _decide(store: AllocationStore, options: Options, order_ids: Sequence[str]) -> AllocationSession:
    session = AllocationSession(grace_days=options.grace_days, wording=options.wording)
    skus = await store.skus_of_orders(order_ids)
    await store.lock_skus(session, protocol_rules.lock_order(skus), ())
    ready = await store.open_deferred_orders(session, order_ids)
    session.orders_of_batch = set(ready)
    await store.load_orders(session, ready)
    whole = [one for one in ready if protocol_rules.decidable(session.orders[one].skus(), session.skus)]
    # A line of another SKU was added before the locks were there: its order is decided in the next round.
    session.effects.orders_were_deferred |= len(whole) < len(ready)
    left = sorted(whole, key=lambda order_id: _turn(session, session.orders[order_id]))
    # Kept up to date instead of made anew for every order: hundreds of orders share thousands of SKUs.
    pending = _without(session.pending, set(left))
    for order_id in left:
        for sku in session.orders[order_id].skus():
            pending.setdefault(sku, set()).add(order_id)
    for order_id in left:
        order = session.orders[order_id]
        for sku in order.skus():
            pending[sku].discard(order_id)
        session.unwritten.deferred_orders_done.add(order_id)
        session.effects.deferred_orders_decided += 1
        await _decide_deferred(store, session, order, pending)
    session.pending = pending
    await finish(store, session)
    return session


async def _decide_deferred(
    store: AllocationStore, session: AllocationSession, order: Order, pending: dict[str, set[str]]
) -> None:
    """Decide one order as if it were alone; those behind it do not stand in its way, those ahead are done.

    ``pending`` holds who else waits to be decided by itself, per SKU; who joins them is added.
    """
    deferred = session.deferred_orders_due[order.order_id]
    now = protocol_rules.decision_time(deferred.cause_time, [session.skus[sku].last_now for sku in order.skus()])
    for sku in order.skus():
        advance(session.skus[sku], now)
    builder = DecisionBuilder(session, Origin("Recheck", deferred.cause_event), now)
    builder.own = order.order_id
    session.pending = {}
    _fill(builder, order)
    deferred_again = decide_new_demand(builder, order)
    if order.ship_complete and not order.undecided:
        release(builder, order)
    for sku, orders in session.pending.items():
        pending.setdefault(sku, set()).update(orders)
    session.pending = pending
    # An order that let go of nothing leaves nothing for others to be decided by themselves again: each would be
    # deferred when another was decided, in turns without end.
    builder.defers_orders = bool(builder.queues_to_serve)
    # Whoever shares what there is waited for this order.
    builder.queues_to_serve.update(
        sku for sku in order.skus() if session.skus[sku].policy.shared and not session.blocked(sku)
    )
    await allocate_supply(builder, store)
    builder.renew_promises()
    responds_to = None
    waits_again = deferred_again or (order.undecided and waits_for_deferred_order(session, order))
    if order.event_due is not None and not waits_again:
        responds_to, order.event_due, order.changed = order.event_due, None, True
    close(builder, order if responds_to or order.event_due else None, responds_to)


def _fill(builder: DecisionBuilder, order: Order) -> None:
    """Give the order what it may have of the stock that is free."""
    session = builder.session
    if order.ship_complete:
        demands = together(builder, order, None, ())
        if demands:
            run_decision(builder, demands, session.skus[demands[0].sku].policy)
        return
    for line in order.lines.values():
        sku = session.skus[line.sku]
        if line.queued_units and sku.free > 0 and protocol_rules.may_decide(known=sku.known):
            run_decision(builder, [session.demand(line, entry) for entry in line.entries()], sku.policy)


def _turn(session: AllocationSession, order: Order) -> tuple[object, ...]:
    """Where an order stands among the deferred orders of one transaction: as in its first line's queue."""
    keys = []
    for line in order.lines.values():
        if line.layers:
            demand = session.demand(line, line.layers[0])
            sku = session.skus[line.sku]
            moment = Moment(session.moment(line.sku).now, None, sku.lead_time_days)
            keys.append(sort_key(demand, sku.policy._replace(protect_promises=False), moment))
    return (not keys, *(min(keys, default=())))


def _without(pending: dict[str, set[str]], orders: set[str]) -> dict[str, set[str]]:
    return {sku: rest for sku, waiting in pending.items() if (rest := waiting - orders)}
