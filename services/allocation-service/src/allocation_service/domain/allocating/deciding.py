"""Handing free stock to waiting demand: ``decide(supply, demands, policy, now)``, pure and replayable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count, groupby
from operator import itemgetter
from typing import NamedTuple

from allocation_service.domain.allocating.allocation_pass import AllocationPass, Served
from allocation_service.domain.allocating.guards import NO_CONTEXT, Context, with_thresholds
from allocation_service.domain.allocating.rationing import Member, divide_class
from allocation_service.domain.allocating.scarcity_pricing import prices
from allocation_service.domain.allocating.ship_complete import CompleteOrder, densities, scarcity, spans
from allocation_service.domain.policies.policy import Demand, Grants, Key, Policy, Share, Sort, Supply
from allocation_service.domain.policies.sorting import class_of
from allocation_service.domain.reasons import Reason


class DemandOutcome(NamedTuple):
    """What became of one demand: its rank, the key it was ranked by, its grants, and why.

    ``short``: its order ships complete and could not be filled whole from the stock there is.
    """

    rank: int
    demand: Demand
    key: Key
    grants: Grants
    reason: Reason
    deferred: bool = False
    short: bool = False

    @property
    def granted(self) -> int:
        """Units granted over all locations."""
        grants = self.grants
        return grants[0][1] if len(grants) == 1 else sum([units for _, units in grants])


class Decision(NamedTuple):
    """Every demand considered, in the queue's order.

    ``context`` is what it went by, with the units it held back. ``passed``: orders that could not be filled
    whole and saw stock they wait for go to others behind them; counted where the policy limits that.
    ``joint``: who got what depends on all of the demands, also on those behind that got nothing.
    """

    now: datetime
    policy: Policy
    outcomes: tuple[DemandOutcome, ...]
    context: Context = NO_CONTEXT
    passed: tuple[str, ...] = ()
    joint: bool = False


def decide(
    supply: Mapping[str, Supply],
    demands: Sequence[Demand],
    policy: Policy,
    now: datetime,
    *,
    blocked: Iterable[str] = (),
    context: Context = NO_CONTEXT,
) -> Decision:
    """Serve the demands in the policy's order, each as far as the supply and its limits reach.

    Where a class shares, all of it is served at once; a ship-complete order is served at the place of its
    first demand, whole or not at all; all of its open demands must be among ``demands``. ``blocked`` names
    SKUs on which an older order is being decided elsewhere: demands on them are deferred, and an order that
    cannot be decided here blocks the SKU it stands before.
    """
    context = with_thresholds(context, policy, supply)
    allocation_pass = AllocationPass(supply, demands, policy, now, blocked=blocked, context=context)
    queue = allocation_pass.queue(demands)
    served: Sequence[Served] | None = None
    if policy.share is not Share.SEQUENTIAL:
        served = _by_class(allocation_pass, queue)
    elif policy.sort is Sort.VALUE_INDEX and allocation_pass.together:
        served = _by_worth(allocation_pass, queue, context)
    joint = served is not None
    if served is None:
        serve = allocation_pass.serve
        served = [serve(key, demand) for key, demand in queue]
    outcomes = tuple(
        [
            DemandOutcome(rank, demand, key, grants, reason, deferred, short)
            for rank, (key, demand), (grants, reason, deferred, short) in zip(count(1), queue, served)
        ]
    )
    return Decision(now, policy, outcomes, context, _passed(allocation_pass, queue, served), joint)


def _by_class(allocation_pass: AllocationPass, queue: Sequence[Member]) -> list[Served]:
    served: list[Served] = []
    for _, members in groupby(queue, key=lambda pair: class_of(pair[0])):
        served += divide_class(allocation_pass, list(members))
    return served


def _by_worth(allocation_pass: AllocationPass, queue: Sequence[Member], context: Context) -> list[Served] | None:
    """Where orders that ship complete compete for several scarce SKUs: by value per scarce unit, or those
    first that a solver chose. None where they do not, and the queue's order is the best there is.

    Those who take parts still stand in the queue's order among themselves.
    """
    candidates = [CompleteOrder(demand, -key[1]) for key, demand in queue]
    free = {sku: stock.total for sku, stock in allocation_pass.available.items()}
    scarce = scarcity(candidates, free)
    if not spans(candidates, scarce):
        return None
    if context.chosen is not None:
        turn = _by_choice(context.chosen)
    else:
        turn = _by_density(candidates, prices(candidates, free, scarce))
    turns = [
        ((0, 0) if allocation_pass.comes_first(key, demand) else turn(candidate), key, number)
        for number, ((key, demand), candidate) in enumerate(zip(queue, candidates, strict=True))
    ]
    found: dict[int, Served] = {}
    for _, key, number in sorted(turns, key=itemgetter(0, 1)):
        found[number] = allocation_pass.serve(key, queue[number][1])
    return [found[number] for number in range(len(queue))]


Turn = Callable[[CompleteOrder], tuple[int, int]]


def _by_density(candidates: Sequence[CompleteOrder], asked: Mapping[str, int]) -> Turn:
    worth = densities(candidates, asked)
    return lambda candidate: (1, -worth[candidate.unit])


def _by_choice(chosen: Iterable[str]) -> Turn:
    """The orders chosen, then whoever takes parts, then the orders that were not chosen."""
    first = set(chosen)

    def turn(candidate: CompleteOrder) -> tuple[int, int]:
        if not candidate.demand.ship_complete:
            return (2, 0)
        return (1, 0) if candidate.demand.order_id in first else (3, 0)

    return turn


def _passed(allocation_pass: AllocationPass, queue: Sequence[Member], served: Sequence[Served]) -> tuple[str, ...]:
    """Orders that may still be passed, could not be filled whole, and stand before a demand that was served."""
    if allocation_pass.policy.bypass_limit is None:
        return ()
    passed: set[str] = set()
    given: set[str] = set()
    for (_, demand), (grants, _, _, short) in zip(reversed(queue), reversed(served), strict=True):
        if grants:
            given.add(demand.sku)
        elif short and demand.sku in given and not allocation_pass.at_limit(demand.order_id):
            passed.add(demand.order_id)
    return tuple(sorted(passed))
