"""Handing out the stock of a decision, one demand or one whole order after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

from allocation_service.domain.allocating.available_stock import AvailableStock, one_location
from allocation_service.domain.allocating.guards import Context, Guards
from allocation_service.domain.policies.policy import Demand, Grants, Key, Moment, Policy, Supply
from allocation_service.domain.policies.sorting import Ranking, is_on_top
from allocation_service.domain.reasons import (
    BEHIND,
    DEFERRED,
    GRANTED,
    INCOMPLETE,
    PARTLY,
    RAN_OUT,
    Limit,
    Reason,
    kept_for_it,
)

Served = tuple[Grants, Reason, bool, bool]
"""What a demand gets and why; whether it is left to be decided elsewhere; whether its order could not be filled
whole from the stock there is. A plain tuple: one is made for each of a hundred thousand demands."""

EntryKey = tuple[str, datetime]
"""What names a queue entry: its line, and the moment these units of it joined the queue."""

_RAN_OUT: Served = ((), RAN_OUT, False, False)
_BEHIND: Served = ((), BEHIND, True, False)
_INCOMPLETE: Served = ((), INCOMPLETE, False, True)


class AllocationPass:
    """Stock, limits and orders of one decision while it is made."""

    def __init__(
        self,
        supply: Mapping[str, Supply],
        demands: Sequence[Demand],
        policy: Policy,
        now: datetime,
        *,
        blocked: Iterable[str],
        context: Context,
    ) -> None:
        self.policy, self.blocked = policy, set(blocked)
        self.available = {sku: AvailableStock(one) for sku, one in supply.items()}
        self.guards = Guards(policy, context)
        self._rankings = {sku: Ranking(policy, one.moment(now)) for sku, one in supply.items()}
        self._nothing = Ranking(policy, Moment(now))
        self._unguarded = self.guards.idle
        self.together: dict[str, list[Demand]] = {}
        for demand in demands:
            if demand.ship_complete:
                self.together.setdefault(demand.order_id, []).append(demand)
        for members in self.together.values():
            # In the queue's order, not the caller's: a decision must not depend on how its inputs were listed.
            members.sort(key=lambda one: (one.queued_at, one.line_id))
        self._filled: dict[str, dict[EntryKey, Grants]] = {}
        self._held: dict[str, Served] = {}
        self._coming = {sku: one.coming_by for sku, one in supply.items()}
        self._renewing = frozenset(context.renewing)
        self._needed: dict[str, int] = {}
        """By SKU: units of orders whose promise is to be kept, and that could not be filled whole."""

    def ranking(self, sku: str) -> Ranking:
        """The order of a SKU's queue."""
        return self._rankings.get(sku, self._nothing)

    def queue(self, demands: Iterable[Demand]) -> list[tuple[Key, Demand]]:
        """The demands in the policy's order."""
        keys = {sku: ranking.key for sku, ranking in self._rankings.items()}
        nothing = self._nothing.key
        return sorted([(keys.get(demand.sku, nothing)(demand), demand) for demand in demands], key=itemgetter(0))

    def comes_first(self, key: Key, demand: Demand) -> bool:
        """The demand stands at the top, or its order was passed as often as may be."""
        return is_on_top(key) or (demand.ship_complete and self.at_limit(demand.order_id))

    def level(self, key: Key, demand: Demand) -> int:
        """How deep a demand may reach into stock that is held back."""
        if not self.guards.held:
            return 0
        tier_rank = self.ranking(demand.sku).counts_as(demand.tier_rank, demand.queued_at)
        return self.guards.level(tier_rank, on_top=is_on_top(key))

    def serve(self, key: Key, demand: Demand) -> Served:
        """Serve a demand as far as the supply reaches; an order that ships complete whole or not at all."""
        if demand.ship_complete:
            return self._serve_together(key, demand)
        available_stock = self.available.get(demand.sku)
        if available_stock is None or not available_stock.total:
            return _RAN_OUT
        limit = None
        if not self._unguarded:
            limit = self.guards.limit(demand, self.level(key, demand), available_stock.total)
            if not limit.units:
                return ((), limit.reason(0, demand.quantity), False, False)
        if demand.sku in self.blocked or not demand.order_skus_locked:
            self.blocked.add(demand.sku)
            return _BEHIND
        if limit is not None:
            return self.give(demand, min(demand.quantity, limit.units), limit)
        grants = available_stock.take(demand.quantity, demand.preference)
        given = grants[0][1] if len(grants) == 1 else sum([units for _, units in grants])
        return grants, GRANTED if given == demand.quantity else PARTLY, False, False

    def give(self, demand: Demand, units: int, limit: Limit) -> Served:
        """Give a demand units of what is available."""
        if not units:
            return ((), limit.reason(0, demand.quantity), False, False)
        grants = self.available[demand.sku].take(units, demand.preference)
        self.guards.spend(demand, units)
        return (grants, limit.reason(units, demand.quantity), False, False)

    def defer(self) -> Served:
        """A demand waits until what stands before it is decided elsewhere."""
        return _BEHIND

    def needs(self, order_id: str) -> dict[str, int]:
        """Units an order that ships complete needs by SKU."""
        needed: dict[str, int] = {}
        for member in self.together[order_id]:
            needed[member.sku] = needed.get(member.sku, 0) + member.quantity
        return needed

    def open(self, order_id: str) -> bool:
        """Nothing has been decided about the order yet."""
        return order_id not in self._filled and order_id not in self._held

    def decide_order(self, order_id: str, level: int) -> None:
        """Decide a whole order: all of it from what is there within its limits, or none."""
        why = self._in_the_way(self.together[order_id], self.needs(order_id), level)
        if why is None:
            self.commit(order_id)
        else:
            self._held[order_id] = why

    def commit(self, order_id: str) -> None:
        """Give a whole order what it needs, which must be there, unless it is to be decided elsewhere."""
        members, needed = self.together[order_id], self.needs(order_id)
        undecidable = not all(member.order_skus_locked for member in members)
        if undecidable or any(sku in self.blocked for sku in needed):
            self._held[order_id] = ((), DEFERRED, True, False) if undecidable else _BEHIND
            self.blocked.update(needed)
            return
        preference = one_location(self.available, needed, members[0].preference)
        grants = self._filled[order_id] = {}
        for member in members:
            location = preference or member.preference
            grants[member.line_id, member.queued_at] = self.available[member.sku].take(member.quantity, location)
            self.guards.spend(member, member.quantity)

    def at_limit(self, order_id: str) -> bool:
        """The order was passed as often as may be."""
        most = self.policy.bypass_limit
        return most is not None and max(member.bypassed for member in self.together[order_id]) >= most

    def _too_short(self, order_id: str) -> Served:
        """The order cannot be filled whole; if nobody may pass it any more, its stock is kept for it."""
        if not self.at_limit(order_id):
            if order_id not in self._renewing:
                self._keep_promise(order_id)
            return _INCOMPLETE
        for sku, units in self.needs(order_id).items():
            if sku in self.available:
                self.guards.keep(sku, units, self.available[sku].total)
        return ((), kept_for_it(max(member.bypassed for member in self.together[order_id])), False, True)

    def _keep_promise(self, order_id: str) -> None:
        """Others may pass an order that waits for another article, but not with units that its promise was made of and
        that nothing replaces by then."""
        for member in self.together[order_id]:
            available, ranking = self.available.get(member.sku), self.ranking(member.sku)
            if available is None or member.claim_date is None or not ranking.keeps_promise(member):
                continue
            needed = self._needed[member.sku] = self._needed.get(member.sku, 0) + member.quantity
            short = min(available.total, needed - self._coming[member.sku](member.claim_date))
            self.guards.keep_promise(member.sku, member.claim_date, short)
            self._unguarded = self.guards.idle

    def _serve_together(self, key: Key, demand: Demand) -> Served:
        order_id = demand.order_id
        if self.open(order_id):
            self.decide_order(order_id, self.level(key, demand))
        held = self._held.get(order_id)
        if held is not None:
            return held
        return (self._filled[order_id][demand.line_id, demand.queued_at], GRANTED, False, False)

    def _in_the_way(self, members: Sequence[Demand], needed: Mapping[str, int], level: int) -> Served | None:
        """Why the order cannot have all that it needs; None if it can."""
        if any(sku not in self.available or self.available[sku].total < units for sku, units in needed.items()):
            return self._too_short(members[0].order_id)
        if self._unguarded:
            return None
        for member in members:
            units = needed[member.sku]
            limit = self.guards.limit(member, level, self.available[member.sku].total)
            if limit.units < units:
                return ((), limit.reason(0, units), False, False)
        return None
