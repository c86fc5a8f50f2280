"""Queues in memory: ranked by the domain's own order, and read only as far as the port asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from tests.unit.allocation.in_memory_session_reads import enter, load_lines, load_orders
from tests.unit.allocation.in_memory_state import AllocationState, Place, copied_line, copied_order

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.order import Order
from allocation_service.application.session.read_queue import Unread
from allocation_service.domain.demand.line import Line
from allocation_service.domain.policies.policy import NO_DATE, Key, Policy
from allocation_service.domain.policies.sorting import Ranking

Ranked = list[tuple[Key, Place]]


def ranked(places: Iterable[Place], ranking: Ranking) -> Ranked:
    """Places in the order they are served."""
    return sorted((ranking.key(one), one) for one in places)


def load_queues(state: AllocationState, session: AllocationSession, reach: Mapping[str, int]) -> None:
    """Enter the head of each queue as far as ``reach`` units go."""
    for sku, units in reach.items():
        everything = ranked(state.places(sku), session.ranking(sku))
        found = _within(everything, units)[:units]
        enter_places(state, session, [place for _, place in found])
        session.open_queue(sku, None if len(found) == len(everything) else found[-1][0], units)


def _within(queue: Ranked, units: int) -> Ranked:
    """The places before which less than so many units are asked for that need not come together."""
    ahead, found = 0, []
    for key, place in queue:
        if ahead >= units:
            break
        found.append((key, place))
        ahead += 0 if place.ship_complete else place.quantity
    return found


def load_unindexed_queue(
    state: AllocationState, session: AllocationSession, sku: str, now: datetime, *, lines: int | None, reach: int
) -> None:
    """Enter the head of a queue as it is ranked ``now``: of each tier so many lines, and as far as ``reach`` goes."""
    policy = session.skus[sku].policy
    queue = ranked(state.places(sku), Ranking(policy, session.moment(sku)._replace(now=now)))
    chosen, unread = read_tiers(queue, policy, len(queue) if lines is None else lines, reach)
    enter_places(state, session, chosen)
    session.open_queue(sku, None, lines or len(chosen), unread)
    session.queues[sku].sorted_at = now


def read_tiers(queue: Ranked, policy: Policy, lines: int, reach: int) -> tuple[list[Place], list[Unread]]:
    """The head of each tier, and the best of what was left out of each. Units that come together do not count,
    nor does the reach where who gets what depends on everybody."""
    read: dict[int, int] = {}
    asked: dict[int, int] = {}
    chosen: list[Place] = []
    unread: dict[int, Unread] = {}
    for key, place in queue:
        tier = place.tier_rank
        if tier in unread:
            unread[tier] = unread[tier]._replace(oldest=min(unread[tier].oldest, place.queued_at))
        elif read.get(tier, 0) >= lines or (policy.in_parts and asked.get(tier, 0) >= reach):
            unread[tier] = Unread(key, tier, place.queued_at)
        else:
            chosen.append(place)
            read[tier] = read.get(tier, 0) + 1
            asked[tier] = asked.get(tier, 0) + (0 if place.ship_complete else place.quantity)
    return chosen, list(unread.values())


def enter_places(state: AllocationState, session: AllocationSession, places: Sequence[Place]) -> None:
    """Enter the lines at some places, and whole orders where these ship complete."""
    load_orders(state, session, {one.order_id for one in places if one.ship_complete})
    load_lines(state, session, [one.line_id for one in places])


def waits_outside(state: AllocationState, sku: str, outlets: Mapping[str, Collection[str]], units: int) -> bool:
    """See AllocationStore."""
    return any(
        (not place.ship_complete or place.quantity <= units)
        and all(getattr(state.orders[place.order_id], field) not in names for field, names in outlets.items())
        for place in state.places(sku)
    )


class _Holder(NamedTuple):
    line_id: str
    order_id: str
    queued_at: datetime
    tier_rank: int
    needed_by: date
    promise_date: date | None
    unit_value: int
    ship_complete: bool
    claim_date: date
    backed: bool


def load_holdings(state: AllocationState, session: AllocationSession, sku: str, location: str, limit: int) -> None:
    """Enter the lines that hold stock of a location, the last in the queue's order first; all of them where a loss
    is shared. As units are taken back: promises do not count."""
    policy = session.skus[sku].policy
    holders = [
        _holder(line, state.orders[line.order_id])
        for line in state.lines.values()
        if line.sku == sku and line.unshipped_at(location) > 0
    ]
    key = Ranking(policy._replace(protect_promises=False), session.moment(sku)).key
    holders.sort(key=key, reverse=True)
    if not policy.shared:
        holders = holders[:limit]
    load_orders(state, session, {one.order_id for one in holders if one.ship_complete})
    load_lines(state, session, [one.line_id for one in holders])


def _holder(line: Line, order: Order) -> _Holder:
    return _Holder(
        line.line_id,
        line.order_id,
        line.layers[0].queued_at,
        order.tier_rank,
        order.needed_by or NO_DATE,
        line.promise_date,
        line.unit_value,
        order.ship_complete,
        line.claim_date,
        line.backed,
    )


class QueueChunk(NamedTuple):
    """Lines at some places with their orders as they were stored when they were read; not yet in the session."""

    last: Key
    lines: list[tuple[Order, Line]]
    whole: list[tuple[Order, list[Line]]]


class InMemoryLongQueue:
    """Implements LongQueue: the places are those of the moment it was opened."""

    def __init__(
        self,
        state: AllocationState,
        session: AllocationSession,
        sku: str,
        units: int,
        lock: Callable[[Iterable[str]], Awaitable[None]],
    ) -> None:
        policy = session.skus[sku].policy
        queue = ranked(state.places(sku), session.ranking(sku))
        if policy.indexed:
            reached = self._queue = _within(queue, units)
        else:
            chosen = set(read_tiers(queue, policy, len(queue), units)[0])
            self._queue = [one for one in queue if one[1] in chosen]
            # Where stock is held back, whom it goes to is not known before it is decided.
            reached = self._queue if policy.guarded else _within(self._queue, units)
        self._state, self._sku, self._position = state, sku, 0
        self._lock, self._orders = lock, sorted({place.order_id for _, place in reached})

    async def lock_orders(self) -> Sequence[str]:
        """See LongQueue."""
        await self._lock(self._orders)
        return self._orders

    async def read(self, lines: int) -> QueueChunk | None:
        """See LongQueue."""
        state, chunk = self._state, self._queue[self._position : self._position + lines]
        self._position += lines
        if not chunk:
            return None
        together = {place.order_id for _, place in chunk if place.ship_complete}
        return QueueChunk(
            chunk[-1][0],
            [(copied_order(state.orders[one.order_id]), copied_line(state.lines[one.line_id])) for _, one in chunk],
            [
                (copied_order(state.orders[one]), [copied_line(line) for line in state.lines_of_order(one)])
                for one in sorted(together)
            ],
        )

    def enter(self, session: AllocationSession, chunk: QueueChunk) -> None:
        """See LongQueue."""
        for order, lines in chunk.whole:
            enter(session, order, lines)
            session.orders[order.order_id].whole = True
        for order, line in chunk.lines:
            enter(session, order, [line])
        session.open_queue(self._sku, chunk.last, len(chunk.lines))
