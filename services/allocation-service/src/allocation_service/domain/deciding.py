"""Handing free stock to waiting demand: ``decide(supply, demands, policy, now)``, pure and replayable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from allocation_service.domain.policy import Demand, Grants, Key, Moment, Policy, Supply
from allocation_service.domain.sorting import Ranking

GRANTED = "granted"
PARTLY = "partly: supply ran out"
RAN_OUT = "waits: supply ran out"
INCOMPLETE = "waits: order ships complete"
DEFERRED = "deferred: its order is decided by itself, with all of its SKUs locked"
BEHIND = "deferred: stands behind an order that is being decided by itself"


class Outcome(NamedTuple):
    """What became of one demand: its rank, the key it was ranked by, its grants, and why."""

    rank: int
    demand: Demand
    key: Key
    grants: Grants
    reason: str
    deferred: bool = False

    @property
    def granted(self) -> int:
        """Units granted over all locations."""
        grants = self.grants
        return grants[0][1] if len(grants) == 1 else sum([units for _, units in grants])


class Decision(NamedTuple):
    """Every demand considered, in the order it was served."""

    now: datetime
    policy: Policy
    outcomes: tuple[Outcome, ...]


class Shelf:
    """Free units of a SKU per location while a decision is being made."""

    def __init__(self, supply: Supply) -> None:
        ordered = sorted(supply.locations, key=lambda place: (place.priority, place.name))
        self.free = {place.name: place.free for place in ordered if place.free > 0}
        self.total = sum(self.free.values())

    def take(self, units: int, preference: str | None) -> Grants:
        """Up to ``units``: the preferred location first, then by priority, then by name."""
        place = preference if preference in self.free else next(iter(self.free), None)
        if place is not None and units < self.free[place]:
            # Nearly always: one location has enough.
            self.free[place] -= units
            self.total -= units
            return ((place, units),) if units else ()
        taken: list[tuple[str, int]] = []
        units = min(units, self.total)
        order: Iterable[str] = tuple(self.free)
        if preference in self.free:
            order = (preference, *(name for name in order if name != preference))
        for name in order:
            if not units:
                break
            part = min(units, self.free[name])
            taken.append((name, part))
            units -= part
            self.total -= part
            if part == self.free[name]:
                del self.free[name]
            else:
                self.free[name] -= part
        return tuple(taken)


def decide(
    supply: Mapping[str, Supply],
    demands: Sequence[Demand],
    policy: Policy,
    now: datetime,
    *,
    blocked: Iterable[str] = (),
) -> Decision:
    """Serve the demands in the policy's order, each as far as the supply reaches.

    A ship-complete order is served at the place of its first demand, whole or not at all; all of its
    open demands must be among ``demands``. ``blocked`` names SKUs on which an older order is being
    decided elsewhere: demands on them are deferred, and an order that cannot be decided here blocks
    the SKU it stands before.
    """
    return _Deciding(supply, demands, policy, now, set(blocked)).run()


class _Deciding:
    def __init__(
        self,
        supply: Mapping[str, Supply],
        demands: Sequence[Demand],
        policy: Policy,
        now: datetime,
        blocked: set[str],
    ) -> None:
        self.shelves = {sku: Shelf(one) for sku, one in supply.items()}
        self.policy, self.now, self.blocked = policy, now, blocked
        rankings = {sku: Ranking(policy, one.moment(now)) for sku, one in supply.items()}
        nothing = Ranking(policy, Moment(now))
        keyed = [(rankings.get(d.sku, nothing).key(d), d) for d in demands]
        self.ranked = sorted(keyed, key=lambda pair: pair[0])
        self.together: dict[str, list[Demand]] = {}
        for demand in demands:
            if demand.ship_complete:
                self.together.setdefault(demand.order_id, []).append(demand)
        self.settled: dict[str, dict[tuple[str, datetime], Grants]] = {}
        self.held: dict[str, str] = {}

    def run(self) -> Decision:
        outcomes = []
        for rank, (key, demand) in enumerate(self.ranked, start=1):
            grants, reason, deferred = self._serve(demand)
            outcomes.append(Outcome(rank, demand, key, grants, reason, deferred))
        return Decision(self.now, self.policy, tuple(outcomes))

    def _serve(self, demand: Demand) -> tuple[Grants, str, bool]:
        if demand.ship_complete:
            return self._serve_together(demand)
        shelf = self.shelves.get(demand.sku)
        if shelf is None or not shelf.total:
            return (), RAN_OUT, False
        if demand.sku in self.blocked or not demand.order_skus_locked:
            self.blocked.add(demand.sku)
            return (), BEHIND, True
        grants = shelf.take(demand.quantity, demand.preference)
        given = grants[0][1] if len(grants) == 1 else sum([units for _, units in grants])
        return grants, GRANTED if given == demand.quantity else PARTLY, False

    def _serve_together(self, demand: Demand) -> tuple[Grants, str, bool]:
        order_id = demand.order_id
        if order_id not in self.settled and order_id not in self.held:
            self._settle(order_id)
        if order_id in self.held:
            reason = self.held[order_id]
            return (), reason, reason is not INCOMPLETE
        return self.settled[order_id][demand.line_id, demand.queued_at], GRANTED, False

    def _settle(self, order_id: str) -> None:
        # In the queue's order, not the caller's: a decision must not depend on how its inputs were listed.
        members = sorted(self.together[order_id], key=lambda one: (one.queued_at, one.line_id))
        needed: dict[str, int] = {}
        for member in members:
            needed[member.sku] = needed.get(member.sku, 0) + member.quantity
        if any(sku not in self.shelves or self.shelves[sku].total < units for sku, units in needed.items()):
            self.held[order_id] = INCOMPLETE
            return
        undecidable = not all(member.order_skus_locked for member in members)
        if undecidable or any(sku in self.blocked for sku in needed):
            self.held[order_id] = DEFERRED if undecidable else BEHIND
            self.blocked.update(needed)
            return
        preference = one_location(self.shelves, needed, members[0].preference)
        self.settled[order_id] = {
            (member.line_id, member.queued_at): self.shelves[member.sku].take(
                member.quantity, preference or member.preference
            )
            for member in members
        }


def one_location(shelves: Mapping[str, Shelf], needed: Mapping[str, int], preference: str | None) -> str | None:
    """A location that can send all that is needed, so that what was asked together leaves together."""
    candidates = list(shelves[next(iter(needed))].free)
    if preference in candidates:
        candidates.insert(0, preference)
    for name in candidates:
        if all(shelves[sku].free.get(name, 0) >= units for sku, units in needed.items()):
            return name
    return None
