"""Reading SKUs and orders of the state in memory into a session."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from tests.unit.allocation.in_memory_policies import choice_of
from tests.unit.allocation.in_memory_state import AllocationState, copied_line, copied_order, copied_sku

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.order import Order
from allocation_service.domain.demand.demand_forecast import WINDOW_DAYS, DayUnits, daily_demand
from allocation_service.domain.demand.line import Line
from allocation_service.domain.promising.learned_supply import Reliance
from allocation_service.domain.promising.ship_dates import ALWAYS_OPEN
from allocation_service.domain.supply.sku import Sku


def lock_skus(
    state: AllocationState, session: AllocationSession, skus: Iterable[str], po_lines: Collection[str]
) -> None:
    """Make the SKUs that are missing, and enter all in sorted order with what belongs to them."""
    for name in sorted(set(skus)):
        state.skus.setdefault(name, Sku(name))
        session.skus[name] = copied_sku(state.skus[name])
    _read_belongings(state, session, po_lines)
    for sku in list(session.skus.values()):
        session.add_sku(sku)


def peek_skus(state: AllocationState, skus: Iterable[str], now: datetime | None) -> dict[str, Sku]:
    """SKUs as they are, with the policies of ``now``; unknown ones are left out."""
    session = AllocationSession()
    session.skus = {name: copied_sku(state.skus[name]) for name in sorted(set(skus)) if name in state.skus}
    if now is not None:
        session.cause_times = dict.fromkeys(session.skus, now)
    _read_belongings(state, session, ())
    return session.skus


def _read_belongings(state: AllocationState, session: AllocationSession, po_lines: Collection[str]) -> None:
    load_policies(state, session.skus.values(), session.cause_times)
    for (name, location), level in state.levels.items():
        if name in session.skus:
            session.skus[name].levels[location] = replace(level)
    for po_line, (name, inbound) in state.inbound.items():
        if name in session.skus and (inbound.remaining > 0 or po_line in po_lines):
            session.skus[name].inbound[po_line] = replace(inbound)
    for (name, day), units in state.promised.items():
        if name in session.skus:
            session.skus[name].counters.promised[day] = units
    for (name, day), units in state.claimed.items():
        if name in session.skus:
            session.skus[name].counters.claimed[day] = units
    calendars = {name: one.calendar for name, one in state.calendars.items() if one.calendar != ALWAYS_OPEN}
    for sku in session.skus.values():
        sku.calendars = calendars
        target = sku.own_target or state.lateness["default_target"]
        if target is not None:
            sku.reliance = Reliance(state.lateness["table"], target)
    for deferred in state.deferred_orders.values():
        for name in session.skus.keys() & set(deferred.skus):
            session.pending.setdefault(name, set()).add(deferred.order_id)
    load_policy_inputs(state, session.skus.values(), session.grace_days)


def reload_policies(state: AllocationState, session: AllocationSession, skus: Collection[str]) -> None:
    """Give locked SKUs the policies of their categories of now, and what those go by."""
    moved = [session.skus[name] for name in skus]
    load_policies(state, moved, session.cause_times)
    for sku in moved:
        sku.daily, sku.kept_back = {}, 0
        sku.quota_used.clear()
        sku.kept_for.clear()
    load_policy_inputs(state, moved, session.grace_days)
    for name in session.unwritten.quotas_cleared.intersection(skus):
        session.skus[name].quota_used.clear()


def load_policies(state: AllocationState, skus: Iterable[Sku], causes: Mapping[str, datetime]) -> None:
    """Give each SKU the policy that is in force when it is decided about: at the time of the cause, or of the SKU's
    last decision where that is later."""
    for sku in skus:
        known = [one for one in (causes.get(sku.sku, sku.last_now), sku.last_now) if one is not None]
        sku.policy = choice_of(state, sku.sku, sku.category, max(known, default=None)).policy


def load_policy_inputs(state: AllocationState, skus: Iterable[Sku], grace_days: int) -> None:
    """Enter what the policies of these SKUs go by."""
    for sku in skus:
        policy = sku.policy
        if policy.holdback and sku.last_now:
            since = sku.last_now.date() - timedelta(days=WINDOW_DAYS)
            history = [
                DayUnits(day, tier_rank, units)
                for (name, day, tier_rank), units in state.demand_days.items()
                if name == sku.sku and day >= since
            ]
            sku.daily = daily_demand(history, sku.last_now.date())
            sku.keep_back(sku.last_now, grace_days)
        if policy.quotas:
            for (name, outlets, outlet), units in state.quotas_used.items():
                if name == sku.sku:
                    sku.quota_used[outlets, outlet] = units
        if policy.bypass_limit is not None:
            for place in state.places(sku.sku):
                if place.ship_complete and state.orders[place.order_id].bypassed >= policy.bypass_limit:
                    sku.kept_for[place.order_id] = sku.kept_for.get(place.order_id, 0) + place.quantity


def load_orders(state: AllocationState, session: AllocationSession, order_ids: Collection[str]) -> None:
    """Enter whole orders that are known; lines that the session has are newer than those stored."""
    for order_id in order_ids:
        if order_id in state.orders and not (order_id in session.orders and session.orders[order_id].whole):
            enter(session, state.orders[order_id], state.lines_of_order(order_id))
            session.orders[order_id].whole = True


def load_lines(state: AllocationState, session: AllocationSession, line_ids: Iterable[str]) -> None:
    """Enter single lines with the headers of their orders."""
    for line_id in line_ids:
        line = state.lines[line_id]
        enter(session, state.orders[line.order_id], [line])


def enter(session: AllocationSession, order: Order, lines: Iterable[Line]) -> None:
    """Enter an order and some of its lines; what the session has of them stays."""
    if order.order_id not in session.orders:
        session.orders[order.order_id] = copied_order(order)
    for line in lines:
        if line.line_id not in session.lines:
            session.add_line(copied_line(line))
