"""Stock that is free goes to those who wait, in the policy's order, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable

from allocation_service.application.allocating.allocate_long_queue import serve_long_queue
from allocation_service.application.allocating.allocate_unindexed_queue import defer_whole_orders, serve_unindexed
from allocation_service.application.allocating.backorder_queue import reach, run_decision
from allocation_service.application.lending.lend_stock import lend_to_urgent, repay_lenders
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.decision_record import DecisionRow
from allocation_service.application.session.order import Order
from allocation_service.application.session.ports import AllocationStore
from allocation_service.application.session.store_session import PART, prepare_part
from allocation_service.domain import protocol_rules
from allocation_service.domain.allocating.deallocation import Holding, deallocate, stored_holding
from allocation_service.domain.decisions.recorded_fill import stored_moment
from allocation_service.domain.demand.line import Line
from allocation_service.domain.policies.policy import NO_DATE, Moment
from allocation_service.domain.policies.policy_document import stored_policy
from allocation_service.domain.reasons import RELEASED


async def allocate_supply(builder: DecisionBuilder, store: AllocationStore) -> None:
    """Take back where more is granted than there is, then serve the queues that changed."""
    if builder.short:
        await deallocate_shortfalls(builder, store)
    release_incomplete(builder)
    await repay_lenders(builder, store)
    if builder.queues_to_serve:
        await allocate_to_backorders(builder, store, builder.queues_to_serve)
    await lend_to_urgent(builder, store)
    builder.queues_to_serve.clear()


async def allocate_to_backorders(builder: DecisionBuilder, store: AllocationStore, skus: Iterable[str]) -> None:
    """Hand out free stock of these SKUs. A ship-complete order that also waits for one of them whose
    own queue has not been served yet is deferred: it would overtake there."""
    session = builder.session
    ready = sorted(sku for sku in set(skus) if _may_serve(session, sku))
    for position, sku in enumerate(ready):
        if _may_serve(session, sku):
            await _serve(builder, store, sku, frozenset(ready[position + 1 :]))


def _may_serve(session: AllocationSession, sku: str) -> bool:
    state = session.skus[sku]
    return protocol_rules.may_decide(known=state.known) and state.free > 0 and state.waiting_units > 0


async def _serve(builder: DecisionBuilder, store: AllocationStore, sku: str, unserved: frozenset[str]) -> None:
    """Serve one queue as far as the supply reaches.

    A queue that an index can read in order is read and served in parts, a very large supply in chunks; any other is
    sorted in memory.
    """
    session = builder.session
    policy = session.skus[sku].policy
    session.refresh_kept_promises(sku)
    if policy.shared and session.blocked(sku):
        # Shares are for all at once: they are made when the order that is decided by itself is done.
        await defer_whole_orders(builder, store, sku)
        return
    if session.skus[sku].open_stock > PART and policy.in_parts and not session.blocked(sku):
        await serve_long_queue(builder, store, sku, unserved)
    if not policy.indexed:
        if _may_serve(session, sku):
            await serve_unindexed(builder, store, sku, unserved)
        return
    part = PART
    while _may_serve(session, sku):
        free = session.skus[sku].free
        demands = await reach(builder, store, sku, min(free, part), unserved)
        if not demands:
            return
        run_decision(builder, demands, session.skus[sku].policy)
        if free <= part:
            return
        if session.skus[sku].free == free:
            # Nobody in this part can be decided here: look as far as the supply would reach.
            part *= 4
            continue
        await store.write_and_publish(prepare_part(builder, store, sku))


async def deallocate_shortfalls(builder: DecisionBuilder, store: AllocationStore) -> None:
    """Deallocate from the end of the queue wherever more is granted than there is supply.

    Protocol rule 9, docs/protocol.md.
    """
    session = builder.session
    for sku in sorted(builder.short):
        state = session.skus[sku]
        for level in sorted(state.levels.values(), key=lambda one: one.location):
            missing = protocol_rules.shortfall(level.free)
            if missing:
                await store.load_holdings(session, sku, level.location, missing + len(session.lines_of.get(sku, ())))
                _deallocate_shortfall(builder, sku, level.location, missing)
    builder.short.clear()


def _deallocate_shortfall(builder: DecisionBuilder, sku: str, location: str, missing: int) -> None:
    session = builder.session
    holdings = [
        _holding(session, line, location)
        for line in (session.lines[line_id] for line_id in sorted(session.lines_of.get(sku, ())))
        if line.unshipped_at(location) > 0
    ]
    state = session.skus[sku]
    moment = Moment(builder.now, session.next_supply(sku), state.lead_time_days)
    losses = deallocate(missing, holdings, state.policy, moment)
    rows = []
    for loss in losses:
        line = session.lines[loss.holding.line_id]
        builder.deallocate(line, location, loss.units, loss.reason)
        builder.losers.add(line.order_id)
        facts = stored_holding(loss.holding)
        rows.append(
            DecisionRow(builder.step_number, loss.rank, line.line_id, sku, loss.units, -loss.units, loss.reason, facts)
        )
    if rows:
        step = {
            "kind": "take_back",
            "location": location,
            "shortfall": missing,
            "policy": stored_policy(state.policy),
            "holdings": [stored_holding(holding) for holding in holdings],
            **stored_moment(moment),
        }
        builder.add_step(step, rows)


def _holding(session: AllocationSession, line: Line, location: str) -> Holding:
    order = session.orders[line.order_id]
    queued_at = line.layers[0].queued_at if line.layers else order.placed_at
    if queued_at is None:
        raise ValueError(f"{line.line_id} holds stock but was never queued")
    return Holding(
        line.line_id,
        line.unshipped_at(location),
        queued_at,
        order.tier_rank,
        order.needed_by or NO_DATE,
        order.customer_id,
        line.unit_value,
    )


def release_incomplete(builder: DecisionBuilder) -> None:
    """Release the stock of the ship-complete orders in this decision that are no longer complete.

    Protocol rule 14, docs/protocol.md.
    """
    session = builder.session
    concerned = builder.losers | {session.lines[line_id].order_id for line_id in builder.before}
    for order_id in sorted(concerned):
        order = session.orders[order_id]
        if not order.ship_complete:
            continue
        if not order.whole or not protocol_rules.decidable(order.skus(), session.skus):
            if order_id in builder.losers:
                builder.defer(order)
        elif not order.undecided:
            release(builder, order)
    builder.losers.clear()


def release(builder: DecisionBuilder, order: Order) -> None:
    """Give back all unshipped grants of a ship-complete order of which a part waits."""
    lines = list(order.lines.values())
    if not protocol_rules.is_incomplete(
        ship_complete=order.ship_complete,
        waiting=sum(line.waiting for line in lines),
        unshipped=sum(line.unshipped for line in lines),
    ):
        return
    rows: list[DecisionRow] = []
    for line in lines:
        for location in sorted(line.granted):
            units = line.unshipped_at(location)
            if units > 0:
                builder.deallocate(line, location, units, RELEASED)
                facts = {"order_id": order.order_id, "location": location}
                rows.append(
                    DecisionRow(
                        builder.step_number, len(rows) + 1, line.line_id, line.sku, units, -units, RELEASED, facts
                    )
                )
    builder.add_step({"kind": "release", "order_id": order.order_id}, rows)
