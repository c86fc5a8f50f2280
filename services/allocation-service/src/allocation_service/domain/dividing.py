"""Serving a class together: what there is of a SKU is divided among all of its members by the policy's share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from allocation_service.domain.policy import Demand, Key
from allocation_service.domain.reasons import Limit
from allocation_service.domain.serving import Place, Served, Serving
from allocation_service.domain.sharing import Claim, divide

Member = tuple[Key, Demand]


def divide_class(serving: Serving, members: Iterable[Member]) -> dict[Place, Served]:
    """What each line of a class gets; its orders that ship complete are settled in passing.

    Units that are held back are open to better tiers only, so that a class of several tiers is then served
    tier by tier. An order that ships complete claims like everybody else and is served if its shares cover
    it; otherwise the others divide what there is, and it may have what they leave.
    """
    levels: dict[int, list[Member]] = {}
    for key, demand in members:
        levels.setdefault(serving.level(key, demand), []).append((key, demand))
    found: dict[Place, Served] = {}
    for level in sorted(levels):
        found |= _Cell(serving, level, levels[level]).divide()
    return found


class _Claimant(NamedTuple):
    key: Key
    demand: Demand
    units: int


class _Cell:
    """The members of a class that may reach equally deep."""

    def __init__(self, serving: Serving, level: int, members: Sequence[Member]) -> None:
        self.serving, self.level = serving, level
        self.lines = [one for one in members if not one[1].ship_complete]
        self.orders = {d.order_id: key for key, d in members if d.ship_complete and serving.open(d.order_id)}
        for key, demand in reversed(members):
            if demand.order_id in self.orders:
                self.orders[demand.order_id] = key
        self.found: dict[Place, Served] = {}
        self.limits: dict[Place, Limit] = {}

    def divide(self) -> dict[Place, Served]:
        """Shares for the lines; orders that they cover, or that fit into what is left, are settled."""
        self._defer_blocked()
        dropped: list[str] = []
        while True:
            shares, covered = self._shares()
            failing = [order_id for order_id in self.orders if order_id not in covered]
            if not failing:
                break
            for order_id in failing:
                del self.orders[order_id]
                self.serving.keep_for(order_id)
            dropped += failing
        deferred = {d.sku for _, d in self.lines if not d.order_skus_locked}
        for order_id in sorted(self.orders, key=self.orders.__getitem__):
            self.serving.settle(order_id, self.level)
        for _, demand in self.lines:
            self.found[demand.line_id, demand.queued_at] = self._give(demand, shares)
        self.serving.blocked |= deferred
        return self.found

    def _give(self, demand: Demand, shares: dict[Place, int]) -> Served:
        place = (demand.line_id, demand.queued_at)
        units, limit = shares[place], self.limits[place]
        if not units:
            return Served((), limit.reason(0, demand.quantity))
        if not demand.order_skus_locked:
            return self.serving.take(demand, units, limit)
        return self.serving.give(demand, units, limit)

    def _defer_blocked(self) -> None:
        """Whoever wants a SKU on which an older order is decided elsewhere waits for that."""
        blocked = set(self.serving.blocked)
        for order_id in list(self.orders):
            if blocked.intersection(self.serving.needs(order_id)):
                del self.orders[order_id]
                self.serving.settle(order_id, self.level)
        for _, demand in self.lines:
            if demand.sku in blocked:
                self.found[demand.line_id, demand.queued_at] = self.serving.serve((1, *demand_key), demand)
        self.lines = [one for one in self.lines if one[1].sku not in blocked]
