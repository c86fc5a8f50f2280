"""Serving a class together: what there is of a SKU is divided among all of its members by the policy's share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from allocation_service.domain.allocating.allocation_pass import AllocationPass, Served
from allocation_service.domain.allocating.capped_share import Cap, Portion, divide_capped
from allocation_service.domain.allocating.fair_share import Claim
from allocation_service.domain.policies.policy import Demand, Key
from allocation_service.domain.reasons import Limit

Member = tuple[Key, Demand]


def divide_class(allocation_pass: AllocationPass, members: Sequence[Member]) -> list[Served]:
    """What each member of a class gets, in their order.

    Customers share, however many lines they have (``max_min``, ``uniform_losses``), weighted by their tier.
    Units that are held back are a cap on the worse tiers of the class, a quota is one on its channel or
    region; what a cap refuses goes to the others.

    An order that ships complete claims like everybody else and is served if its shares cover it, the first
    in the queue before the later ones; otherwise the others divide what there is, and it may have what they
    leave. One that was passed as often as may be is served before the shares are made.
    """
    return _Division(allocation_pass, members).run()


class _Claimant(NamedTuple):
    """A claim on one SKU: a line's own (``number`` among the members), or what an order needs of it."""

    demand: Demand
    level: int
    number: int
    order_id: str | None = None


class _Shares(NamedTuple):
    """How a SKU is divided."""

    claimants: list[_Claimant]
    claims: list[Claim]
    limits: list[Limit]
    portions: list[Portion]
    pool: Limit


class _Division:
    def __init__(self, allocation_pass: AllocationPass, members: Sequence[Member]) -> None:
        self.allocation_pass, self.members = allocation_pass, members
        self.found: dict[int, Served] = {}
        self.claimants: dict[str, list[tuple[_Claimant, Claim]]] = {}
        self.levels: dict[str, int] = {}
        self.counted: set[str] = set()

    def run(self) -> list[Served]:
        """Divide, decide the ship-complete orders, and give the lines their shares."""
        self._enter()
        admitted = self._admit()
        shares = self._divide(admitted)
        for order_id in admitted:
            self.allocation_pass.commit(order_id)
        self._give(shares)
        for order_id, level in self.levels.items():
            if self.allocation_pass.open(order_id):
                self.allocation_pass.decide_order(order_id, level)
        return [
            self.allocation_pass.serve(key, demand) if demand.ship_complete else self.found[number]
            for number, (key, demand) in enumerate(self.members)
        ]

    def _enter(self) -> None:
        """Everybody's claims, in the queue's order; what an older order decided elsewhere blocks waits for it."""
        allocation_pass = self.allocation_pass
        for key, demand in self.members:
            if (
                demand.ship_complete
                and allocation_pass.open(demand.order_id)
                and allocation_pass.at_limit(demand.order_id)
            ):
                allocation_pass.decide_order(demand.order_id, allocation_pass.level(key, demand))
        blocked = set(allocation_pass.blocked)
        for number, (key, demand) in enumerate(self.members):
            level = allocation_pass.level(key, demand)
            if not demand.ship_complete:
                if demand.sku in blocked or demand.sku not in allocation_pass.available:
                    self.found[number] = allocation_pass.serve(key, demand)
                else:
                    self._claim(demand.sku, _Claimant(demand, level, number), demand.quantity)
            elif demand.order_id not in self.levels and allocation_pass.open(demand.order_id):
                needs = allocation_pass.needs(demand.order_id)
                if blocked.intersection(needs) or any(sku not in allocation_pass.available for sku in needs):
                    allocation_pass.decide_order(demand.order_id, level)
                    continue
                self.levels[demand.order_id] = level
                for sku, units in needs.items():
                    self._claim(sku, _Claimant(demand, level, number, demand.order_id), units)

    def _claim(self, sku: str, claimant: _Claimant, units: int) -> None:
        demand, tiers = claimant.demand, self.allocation_pass.policy.tiers
        weight = tiers[min(demand.tier_rank, len(tiers) - 1)].weight
        party = demand.customer_id if demand.customer_id is not None else f"order {demand.order_id}"
        # A line may wait in several places: what it had counts once.
        had = demand.granted if demand.line_id not in self.counted and claimant.order_id is None else 0
        self.counted.add(demand.line_id)
        self.claimants.setdefault(sku, []).append((claimant, Claim(units, weight, party, had)))

    def _admit(self) -> list[str]:
        """The orders that get all they need as their share: first those that do whoever else takes part,
        then as many of the others, from the first in the queue, as all get theirs."""
        admitted = list(self.levels)
        failing = self._failing(admitted)
        others: list[str] = []
        while failing:
            others += [order_id for order_id in admitted if order_id in failing]
            admitted = [order_id for order_id in admitted if order_id not in failing]
            failing = self._failing(admitted)
        others = [order_id for order_id in self.levels if order_id in set(others)]
        low, high = 0, len(others)
        while low < high:
            middle = (low + high + 1) // 2
            if self._failing(admitted + others[:middle]):
                high = middle - 1
            else:
                low = middle
        chosen = {*admitted, *others[:low]}
        return [order_id for order_id in self.levels if order_id in chosen]

    def _failing(self, orders: Sequence[str]) -> set[str]:
        """Orders whose shares do not cover them if these take part."""
        if not orders:
            return set()
        return {
            claimant.order_id
            for shares in self._divide(orders, only_of_orders=True).values()
            for claimant, claim, portion in zip(shares.claimants, shares.claims, shares.portions, strict=True)
            if claimant.order_id is not None and portion.units < claim.units
        }

    def _divide(self, orders: Collection[str], *, only_of_orders: bool = False) -> dict[str, _Shares]:
        admitted = set(orders)
        found = {}
        for sku, everybody in self.claimants.items():
            part = [one for one in everybody if one[0].order_id is None or one[0].order_id in admitted]
            if only_of_orders and all(claimant.order_id is None for claimant, _ in part):
                continue
            found[sku] = self._divide_sku(sku, [one[0] for one in part], [one[1] for one in part])
        return found

    def _divide_sku(self, sku: str, claimants: list[_Claimant], claims: list[Claim]) -> _Shares:
        guards = self.allocation_pass.guards
        pool = guards.stock(sku, 0, self.allocation_pass.available[sku].total)
        caps: list[Cap] = []
        limits: list[Limit] = []
        for level, limit in guards.steps(sku, pool.units):
            caps.append(Cap(limit.units, tuple(n for n, one in enumerate(claimants) if one.level >= level)))
            limits.append(limit)
        counted: dict[int, list[int]] = {}
        for n, one in enumerate(claimants):
            for quota in guards.quotas_of(one.demand):
                counted.setdefault(quota, []).append(n)
        for quota, members in sorted(counted.items()):
            left = guards.left(sku, quota)
            caps.append(Cap(left, tuple(members)))
            limits.append(guards.quota_limit(quota, left))
        portions = divide_capped(self.allocation_pass.policy.share, claims, pool.units, caps)
        return _Shares(claimants, claims, limits, portions, pool)

    def _give(self, division: dict[str, _Shares]) -> None:
        """Every line gets its share, also beside an order that is left to be decided elsewhere: its share
        is left for it, and whoever comes later waits."""
        deferred: set[str] = set()
        for sku, shares in division.items():
            for claimant, portion in zip(shares.claimants, shares.portions, strict=True):
                demand = claimant.demand
                if claimant.order_id is not None:
                    continue
                limit = shares.pool if portion.cap is None else shares.limits[portion.cap]
                if not demand.order_skus_locked and portion.units:
                    deferred.add(sku)
                    self.found[claimant.number] = self.allocation_pass.defer()
                else:
                    self.found[claimant.number] = self.allocation_pass.give(demand, portion.units, limit)
        self.allocation_pass.blocked |= deferred
