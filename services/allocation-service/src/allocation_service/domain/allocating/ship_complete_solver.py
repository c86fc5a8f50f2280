"""Asking a solver which orders that ship complete to serve, before a decision is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from allocation_service.domain.allocating.allocation_pass import AllocationPass
from allocation_service.domain.allocating.guards import NO_CONTEXT, Context, with_thresholds
from allocation_service.domain.allocating.ship_complete import CompleteOrder, Solver, choose, scarcity, spans
from allocation_service.domain.policies.policy import Complete, Demand, Key, Policy, Share, Sort, Supply


def choose_orders(
    supply: Mapping[str, Supply],
    demands: Sequence[Demand],
    policy: Policy,
    now: datetime,
    solver: Solver,
    *,
    blocked: Iterable[str] = (),
    context: Context = NO_CONTEXT,
) -> Context:
    """The context with the orders that a solver chose to serve whole; hand it to ``decide``.

    As it was where the policy does not ask for an optimum, or no order competes for several scarce SKUs.
    Where the solver has no answer, ``note`` says why, and the decision goes by value per scarce unit.
    """
    if policy.complete is not Complete.OPTIMAL or not _has_values(policy):
        return context
    context = with_thresholds(context, policy, supply)
    allocation_pass = AllocationPass(supply, demands, policy, now, blocked=blocked, context=context)
    queue = allocation_pass.queue(demands)
    rest = [(key, demand) for key, demand in queue if not allocation_pass.comes_first(key, demand)]
    for key, demand in queue:
        if allocation_pass.comes_first(key, demand):
            allocation_pass.serve(key, demand)
    rest = _decidable(allocation_pass, rest)
    candidates = [CompleteOrder(demand, -key[1]) for key, demand in rest]
    scarce = scarcity(candidates, {sku: stock.total for sku, stock in allocation_pass.available.items()})
    if not spans(candidates, scarce):
        return context
    choice = choose(candidates, scarce, _Limits(allocation_pass, rest), solver)
    if isinstance(choice, str):
        return context._replace(note=choice)
    return context._replace(chosen=choice)


def _has_values(policy: Policy) -> bool:
    return policy.sort is Sort.VALUE_INDEX and policy.share is Share.SEQUENTIAL


def _decidable(allocation_pass: AllocationPass, queue: Sequence[tuple[Key, Demand]]) -> list[tuple[Key, Demand]]:
    """Those who can be served here: neither left to be decided elsewhere, nor behind such an order, nor already
    decided with an order of which another line stands at the top."""
    elsewhere = allocation_pass.blocked | {demand.sku for _, demand in queue if not demand.order_skus_locked}

    def is_decidable(demand: Demand) -> bool:
        if not demand.ship_complete:
            return demand.sku not in elsewhere
        return allocation_pass.open(demand.order_id) and not elsewhere.intersection(
            allocation_pass.needs(demand.order_id)
        )

    return [(key, demand) for key, demand in queue if is_decidable(demand)]


class _Limits:
    """For a scarce SKU, (units, line ids) pairs: those lines together may take no more than that."""

    def __init__(self, allocation_pass: AllocationPass, queue: Sequence[tuple[Key, Demand]]) -> None:
        self.allocation_pass = allocation_pass
        self.members: dict[str, list[tuple[int, Demand]]] = {}
        for key, demand in queue:
            self.members.setdefault(demand.sku, []).append((allocation_pass.level(key, demand), demand))

    def __call__(self, sku: str) -> list[tuple[int, frozenset[str]]]:
        guards, members = self.allocation_pass.guards, self.members[sku]
        available_stock = self.allocation_pass.available.get(sku)
        pool = guards.stock(sku, 0, available_stock.total if available_stock is not None else 0).units
        found = [(pool, frozenset(demand.line_id for _, demand in members))]
        for level, limit in guards.steps(sku, pool):
            found.append((limit.units, frozenset(demand.line_id for at, demand in members if at >= level)))
        counted: dict[int, set[str]] = {}
        for _, demand in members:
            for quota in guards.quotas_of(demand):
                counted.setdefault(quota, set()).add(demand.line_id)
        for quota, lines in sorted(counted.items()):
            found.append((guards.left(sku, quota), frozenset(lines)))
        return found
