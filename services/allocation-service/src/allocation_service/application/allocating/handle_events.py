"""One batch of events, one transaction: apply the facts, decide, publish what follows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from allocation_service.application.allocating.allocate_supply import allocate_supply
from allocation_service.application.allocating.merged_skus import (
    check_names,
    find_skus,
    merge_skus,
    under_current_names,
)
from allocation_service.application.allocating.new_demand import decide_new_demand, waits_for_deferred_order
from allocation_service.application.promising.revise_promises import revise
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.apply_events import advance, apply_inventory, apply_order
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.integration_events import ORDER_EVENTS, events_of
from allocation_service.application.session.options import Options, note_effects
from allocation_service.application.session.order import Order, OrderEventKind
from allocation_service.application.session.ports import AllocationStore
from allocation_service.application.session.session_records import Origin
from allocation_service.application.session.store_session import PART, store_and_publish
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain import protocol_rules
from event_contracts import Event, InboundChange, OrderState, SkuMerge, SkuPolicy, StockChange
from service_kit.messaging.believed_times import believable

INVENTORY_EVENTS = frozenset(
    {
        "StockReceived",
        "StockLevelChanged",
        "InboundScheduled",
        "InboundRescheduled",
        "InboundCancelled",
        "SkuPolicyChanged",
        "SkuMerged",
    }
)
_FACTS = (StockChange, InboundChange, SkuPolicy, SkuMerge)
HANDLED = INVENTORY_EVENTS | ORDER_EVENTS.keys() | {"LocationChanged"}
"""What allocation reads; the calendars of locations are kept by a use case of their own."""


async def handle_events(uow: AllocationUnitOfWork, events: Sequence[Event], options: Options) -> None:
    """Apply a batch of order and inventory events, decide what follows, and publish it.

    Times that cannot be believed are replaced first (protocol rule 20), so that a decision is stored with the moment
    it was made by, and can be computed again.
    """
    note_effects(uow, await decide_events(uow.store, believable(events, uow.now), options), options)


async def decide_events(store: AllocationStore, events: Sequence[Event], options: Options) -> AllocationSession:
    """Decide a batch and store it; the session holds what was read and done."""
    orders = [(event, event.payload) for event in events if isinstance(event.payload, OrderState)]
    facts = [event for event in events if event.name in INVENTORY_EVENTS]
    session = AllocationSession(grace_days=options.grace_days, wording=options.wording)
    await merge_skus(store, session, facts, [state for _, state in orders])
    found = await find_skus(store, [state for _, state in orders])
    orders = [(event, under_current_names(state, found.renamed)) for event, state in orders]
    await _lock(store, session, facts, [state for _, state in orders], found.known)
    categories = {name: sku.category for name, sku in session.skus.items()}
    newest_facts = apply_inventory(session, facts)
    moved = [sku for sku in newest_facts if session.skus[sku].category != categories[sku]]
    if moved:
        await store.reload_policies(session, moved)
    for _, state in orders:
        for sku in {line.sku for line in state.lines}:
            session.decision_times[sku] = protocol_rules.decision_time(
                state.updated_at, [session.decision_times.get(sku), session.skus[sku].last_now]
            )
    await _read_ahead(store, session, [state for _, state in orders], set(newest_facts))
    for sku, event in newest_facts.items():
        await _on_inventory(store, session, sku, event, alone=len(events) == 1)
    for event, state in orders:
        await _on_order(store, session, event, state, options, alone=len(events) == 1)
    await finish(store, session)
    return session


async def finish(store: AllocationStore, session: AllocationSession) -> None:
    """Store and tell what was decided; then revise the promises that the supply no longer keeps."""
    await store_and_publish(store, session)
    session.effects.events_told += await revise(store, session)


async def _lock(
    store: AllocationStore,
    session: AllocationSession,
    facts: Sequence[Event],
    orders: Sequence[OrderState],
    known: Collection[str],
) -> None:
    order_ids = {state.order_id for state in orders}
    skus = {*known, *(line.sku for state in orders for line in state.lines)}
    po_lines: set[str] = set()
    for event in facts:
        payload = event.payload
        if isinstance(payload, StockChange | SkuMerge):
            po_lines |= {po_line.id for po_line in payload.po_lines}
        elif isinstance(payload, InboundChange):
            po_lines.add(payload.po_line)
        skus.add(event.key)
    session.cause_times = _causes(facts, orders)
    await store.lock_skus(session, protocol_rules.lock_order(skus), po_lines)
    check_names(session, orders)
    session.orders_of_batch = order_ids
    await store.load_orders(session, order_ids)


def _causes(facts: Sequence[Event], orders: Sequence[OrderState]) -> dict[str, datetime]:
    """The business time of what is told of each SKU: the version of its policy that is in force then decides."""
    times = [(event.key, event.payload.occurred_at) for event in facts if isinstance(event.payload, _FACTS)]
    times += [(line.sku, state.updated_at) for state in orders for line in state.lines]
    causes: dict[str, datetime] = {}
    for sku, moment in times:
        causes[sku] = max(moment, causes.get(sku, moment))
    return causes


async def _read_ahead(
    store: AllocationStore, session: AllocationSession, orders: Sequence[OrderState], told: set[str]
) -> None:
    """Read the heads of all queues that this batch may serve at once, as far as the supply can reach."""
    reach = {sku: session.skus[sku].free for sku in told if session.skus[sku].waiting_units}
    for state in orders:
        known = session.orders.get(state.order_id)
        for line in known.lines.values() if known else ():
            # A newer event that another worker applied may have added a line of a SKU that is not locked here.
            if line.unshipped > 0 and line.sku in session.skus and session.skus[line.sku].waiting_units:
                reach[line.sku] = reach.get(line.sku, session.skus[line.sku].free) + line.unshipped
    reach = {sku: min(units, PART) for sku, units in reach.items() if units > 0 and session.skus[sku].policy.indexed}
    if reach:
        await store.load_queues(session, reach)


async def _on_inventory(
    store: AllocationStore, session: AllocationSession, sku: str, event: Event, *, alone: bool
) -> None:
    state = session.skus[sku]
    builder = DecisionBuilder(session, _origin(event, alone=alone), _now(state.last_now))
    session.origins.setdefault(sku, builder.origin)
    if any(protocol_rules.shortfall(level.free) for level in state.levels.values()):
        builder.short.add(sku)
    if sku in session.merged_here:
        # Two queues and two supplies have become one: what backs whom is found anew.
        session.revisions_due[sku] = builder.origin
    builder.queues_to_serve.add(sku)
    await allocate_supply(builder, store)
    if sku in session.newly_known:
        await _decide_undecided(store, builder, sku)
    builder.renew_promises()
    close(builder)


async def _decide_undecided(store: AllocationStore, builder: DecisionBuilder, sku: str) -> None:
    """The SKU is known now: decide what was ordered before, in the order it came."""
    session = builder.session
    await store.undecided_orders(session, [sku])
    waiting = [line for line in (session.lines[one] for one in session.lines_of.get(sku, ())) if line.undecided]
    waiting.sort(key=lambda line: (line.layers[-1].queued_at, line.line_id))
    for order_id in dict.fromkeys(line.order_id for line in waiting):
        decide_new_demand(builder, session.orders[order_id])
    await allocate_supply(builder, store)


async def _on_order(
    store: AllocationStore,
    session: AllocationSession,
    event: Event,
    state: OrderState,
    options: Options,
    *,
    alone: bool,
) -> None:
    last_known = [session.skus[line.sku].last_now for line in state.lines]
    builder = DecisionBuilder(
        session, _origin(event, alone=alone), protocol_rules.decision_time(state.updated_at, last_known)
    )
    builder.own = state.order_id
    order = apply_order(builder, event, state, options.tiers)
    if order is None:
        return
    for line in state.lines:
        advance(session.skus[line.sku], builder.now)
        session.unwritten.skus.add(line.sku)
    if order.ship_complete or order.moved:
        # A line that was closed, or another place in the queue, may make it an eligible waiter.
        builder.queues_to_serve.update(line.sku for line in order.lines.values() if line.queued_units)
    for one in order.lines.values():
        sku = session.skus.get(one.sku)
        if sku is None or not sku.waiting_units:
            continue
        if sku.policy.lets_go and one.undecided:
            # Time may have let go of what a policy kept: those who wait come first.
            builder.queues_to_serve.add(one.sku)
        elif order.order_id in sku.kept_for:
            # It may want less of what was kept for it.
            builder.queues_to_serve.add(one.sku)
    # Who waits comes before new demand; what the new demand gave back goes to who waits again.
    await allocate_supply(builder, store)
    deferred = decide_new_demand(builder, order)
    await allocate_supply(builder, store)
    builder.renew_promises()
    # The oldest order event without an event of its own decides the type, unless this one places the order.
    responds_to: OrderEventKind | None = ORDER_EVENTS[event.name]
    if order.event_due is not None and responds_to is not OrderEventKind.PLACED:
        responds_to = order.event_due
    order.event_due = None
    if deferred or (order.undecided and waits_for_deferred_order(session, order)):
        order.event_due, responds_to = responds_to, None
    elif not protocol_rules.must_publish(applied=True, changed=bool(builder.before)):
        responds_to = None
    close(builder, order, responds_to)


def close(builder: DecisionBuilder, order: Order | None = None, responds_to: OrderEventKind | None = None) -> None:
    """Turn what the builder did into its events and its decision."""
    events = events_of(builder, order, responds_to)
    builder.session.unwritten.events += events
    for sku in builder.record.skus:
        advance(builder.session.skus[sku], builder.now)
        builder.session.unwritten.skus.add(sku)
    if events or builder.record.rows:
        builder.session.unwritten.decisions.append(builder.record)


def _origin(event: Event, *, alone: bool) -> Origin:
    """An event handled alone is the parent of the current span, which says more than its own trace."""
    return Origin(event.name, event.id, None if alone else event.traceparent)


def _now(moment: datetime | None) -> datetime:
    if moment is None:
        raise ValueError("a locked SKU has no time although a fact about it was applied")
    return moment
