"""What background tasks look for, in memory: passed promises, idle stock, the backlog."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from tests.unit.allocation.in_memory_state import AllocationState

from allocation_service.application.maintenance.maintenance_records import Backlog


class InMemoryBackgroundWork:
    """Implements BackgroundWork."""

    def __init__(self, state: AllocationState) -> None:
        self._state = state

    async def skus_with_passed_promises(
        self, today: date, limit: int = 100, without: Collection[str] = ()
    ) -> list[str]:
        """See BackgroundWork."""
        passed = {sku for (sku, day), (units, _) in self._state.promised.items() if day < today and units}
        return sorted(passed - set(without))[:limit]

    async def skus_to_reconcile(self, after: str, limit: int, without: Collection[str] = ()) -> list[str]:
        """See BackgroundWork."""
        state = self._state
        busy = {sku for one in state.deferred_orders.values() for sku in one.skus} | state.reviews.keys()
        found = idle_in_parts(state) | {sku for skus in idle_whole(state).values() for sku in skus} | short(state)
        return sorted(sku for sku in found - busy - set(without) if sku > after)[:limit]

    async def backlog(self) -> Backlog:
        """See BackgroundWork."""
        places = [place for _, place in self._state.queued()]
        oldest = min((one.queued_at for one in places), default=None)
        return Backlog(oldest, sum(one.quantity for one in places), len(places))

    async def newest_cause(self) -> datetime | None:
        """See BackgroundWork."""
        return max((sku.last_now for sku in self._state.skus.values() if sku.last_now), default=None)


def idle_in_parts(state: AllocationState) -> set[str]:
    """Known SKUs of which units are free although somebody waits who may take a part."""
    waiting = {sku for sku, place in state.queued() if not place.ship_complete}
    return {sku for sku in waiting if state.skus[sku].known and state.free(sku) > 0}


def idle_whole(state: AllocationState) -> dict[str, set[str]]:
    """Ship-complete orders that wait although all they need is free, with their SKUs."""
    needs: dict[str, dict[str, int]] = {}
    for sku, place in state.queued():
        if place.ship_complete:
            need = needs.setdefault(place.order_id, {})
            need[sku] = need.get(sku, 0) + place.quantity
    return {
        order_id: set(need)
        for order_id, need in needs.items()
        if all(state.free(sku) >= units for sku, units in need.items())
    }


def short(state: AllocationState) -> set[str]:
    """SKUs of which more is granted than there is, and some of it can be taken back."""
    return {
        sku
        for (sku, location), level in state.levels.items()
        if level.free < 0 and any(line.unshipped_at(location) > 0 for line in state.lines.values() if line.sku == sku)
    }
