"""Runs (backorder processing): what was granted and what waits is gone over again, segment by segment.

The strategies are those of SAP's advanced available-to-promise (confirmation strategies of backorder
processing: win, gain, improve, redistribute, fill, lose, skip). With r units requested, c confirmed before
and n after the run, none of them counting what has shipped:

- ``win``: n = r, on time; where that cannot be, the line is an exception for a person to resolve
- ``gain``: n ≥ c, and the rest no later than promised, which is an exception where it cannot be kept
- ``improve``: like gain, without the exception
- ``redistribute``: 0 ≤ n ≤ r, by the segment's sort
- ``fill``: n ≤ c
- ``lose``: n = 0
- ``skip``: n = c, and its units are out of reach of all others

*Confirmed* units are those granted from stock; the rest waits for a date. *On time* is what is granted, and
what is promised for no later than the line's needed-by date or, where it has none, the promise it had.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from allocation_service.domain.policies.policy import NO_DATE, Grants, Location, Moment, Policy, Sort
from allocation_service.domain.policies.sorting import Ranking
from allocation_service.domain.promising.promise_dates import UNDATED


class LeftAlone(StrEnum):
    """Why a run leaves a line alone. Stored with the run's lines, so that none is ever renamed."""

    PINNED = "pinned"
    """A person fixed it."""
    UNDECIDED = "undecided"
    ORDER_DEFERRED = "order_deferred"
    """Its order is decided in a transaction of its own."""
    IN_LOAN = "in_loan"
    """It has lent or borrowed units that are to be repaid."""
    LOCATION_INACTIVE = "location_inactive"
    """Its stock lies at a location that is not active any more."""
    ORDER_APART = "order_apart"
    """Its order ships complete and is not in one segment with all that is open of it."""
    ORDER_INCOMPLETE = "order_incomplete"
    """Its order ships complete and holds a part."""


class Strategy(StrEnum):
    """What a segment's demand may gain or lose."""

    WIN = "win"
    GAIN = "gain"
    IMPROVE = "improve"
    REDISTRIBUTE = "redistribute"
    FILL = "fill"
    LOSE = "lose"
    SKIP = "skip"


TURN = {
    Strategy.WIN: 0,
    Strategy.GAIN: 1,
    Strategy.IMPROVE: 1,
    Strategy.REDISTRIBUTE: 2,
    Strategy.FILL: 3,
    Strategy.LOSE: 4,
}
"""Who takes first of what is not kept; what gain and improve have confirmed is kept from all, winners too."""


class Filter(NamedTuple):
    """What a demand must be to belong to a segment; what is empty or None asks for nothing.

    ``waiting_before``: queued before that moment; ``needed_before``: needed before that day.
    """

    tiers: Collection[str] = ()
    channels: Collection[str] = ()
    regions: Collection[str] = ()
    customer_ids: Collection[str] = ()
    skus: Collection[str] = ()
    order_ids: Collection[str] = ()
    waiting_before: datetime | None = None
    needed_before: date | None = None
    ship_complete: bool | None = None


class Segment(NamedTuple):
    """Demand that is treated alike. A demand belongs to the first segment whose filter it meets."""

    name: str
    strategy: Strategy
    filter: Filter = Filter()
    sort: Sort = Sort.FIFO


class RunDemand(NamedTuple):
    """Units of a line that have not shipped: ``requested`` in all, ``confirmed`` per location.

    ``held`` says why a run must leave the line alone; None for most.
    """

    line_id: str
    order_id: str
    sku: str
    requested: int
    confirmed: Grants
    queued_at: datetime
    tier_rank: int = 0
    needed_by: date = NO_DATE
    promise_date: date | None = None
    preference: str | None = None
    ship_complete: bool = False
    tier: str | None = None
    customer_id: str | None = None
    channel: str | None = None
    region: str | None = None
    unit_value: int = 0
    held: LeftAlone | None = None
    claim_date: date = UNDATED
    backed: bool = False

    @property
    def confirmed_units(self) -> int:
        """Units granted that are still in the building."""
        held = self.confirmed
        return held[0][1] if len(held) == 1 else sum([units for _, units in held])


class Stock(NamedTuple):
    """A SKU a run is about: all of its locations with what is free there, its policy, when more comes."""

    sku: str
    locations: tuple[Location, ...]
    policy: Policy = Policy()
    next_supply: date | None = None
    lead_time_days: int = 0


class Assigned(NamedTuple):
    """A candidate and the number of the segment it belongs to."""

    candidate: RunDemand
    segment: int


class RunSelection(NamedTuple):
    """Who takes part in a run (``movable``), and who is only shown: skipped, or left alone for a reason."""

    movable: tuple[Assigned, ...]
    untouched: tuple[tuple[Assigned, LeftAlone | None], ...]


class Planned(NamedTuple):
    """What a run gives a line. ``moves``: units gained (positive) or given back (negative) per location."""

    candidate: RunDemand
    segment: int
    new: int
    moves: Grants = ()
    left_alone: LeftAlone | None = None

    @property
    def change(self) -> int:
        """Units gained, negative where it loses."""
        return sum([units for _, units in self.moves]) if self.moves else 0


def meets(candidate: RunDemand, wanted: Filter) -> bool:
    """Whether a demand belongs to what a filter describes."""
    return (
        (not wanted.skus or candidate.sku in wanted.skus)
        and (not wanted.order_ids or candidate.order_id in wanted.order_ids)
        and (not wanted.tiers or candidate.tier in wanted.tiers)
        and (not wanted.channels or candidate.channel in wanted.channels)
        and (not wanted.regions or candidate.region in wanted.regions)
        and (not wanted.customer_ids or candidate.customer_id in wanted.customer_ids)
        and (wanted.ship_complete is None or candidate.ship_complete is wanted.ship_complete)
        and (wanted.waiting_before is None or candidate.queued_at < wanted.waiting_before)
        and (wanted.needed_before is None or candidate.needed_by < wanted.needed_before)
    )


def select(candidates: Iterable[RunDemand], segments: Sequence[Segment]) -> RunSelection:
    """Who takes part. An order that ships complete takes part as one: in the first segment that all of its
    open lines meet. If there is none, or one of its lines must be left alone, all of it is."""
    movable: list[Assigned] = []
    untouched: list[tuple[Assigned, LeftAlone | None]] = []
    together: dict[str, list[RunDemand]] = {}
    filters = [_quick(one.filter) for one in segments]
    for one in candidates:
        if one.ship_complete:
            together.setdefault(one.order_id, []).append(one)
            continue
        number = next((number for number, wanted in enumerate(filters) if meets(one, wanted)), None)
        if number is None:
            continue
        if one.held or segments[number].strategy is Strategy.SKIP:
            untouched.append((Assigned(one, number), one.held))
        else:
            movable.append(Assigned(one, number))
    for members in together.values():
        _select_order(members, segments, filters, movable, untouched)
    return RunSelection(tuple(movable), tuple(untouched))


def _quick(wanted: Filter) -> Filter:
    """Long lists are looked up, not searched."""
    return wanted._replace(skus=frozenset(wanted.skus), order_ids=frozenset(wanted.order_ids))


def _select_order(
    members: Sequence[RunDemand],
    segments: Sequence[Segment],
    filters: Sequence[Filter],
    movable: list[Assigned],
    untouched: list[tuple[Assigned, LeftAlone | None]],
) -> None:
    number = next((n for n, wanted in enumerate(filters) if all(meets(one, wanted) for one in members)), None)
    if number is not None:
        held = next((one.held for one in members if one.held), None) or _in_part(members)
        if not held and segments[number].strategy is not Strategy.SKIP:
            movable += [Assigned(one, number) for one in members]
        else:
            untouched += [(Assigned(one, number), held) for one in members]
        return
    for one in members:
        own = next((n for n, wanted in enumerate(filters) if meets(one, wanted)), None)
        if own is not None:
            untouched.append((Assigned(one, own), one.held or LeftAlone.ORDER_APART))


def _in_part(members: Sequence[RunDemand]) -> LeftAlone | None:
    confirmed = sum(one.confirmed_units for one in members)
    return LeftAlone.ORDER_INCOMPLETE if 0 < confirmed < sum(one.requested for one in members) else None


def ranking(stock: Stock, sort: Sort, as_of: datetime) -> Ranking:
    """A segment's order of a SKU's demand: its own sort by the SKU's tiers, weights and ageing. Promises made
    do not come first: what a run may break and what it may not is said by the strategies."""
    policy = stock.policy._replace(sort=sort, protect_promises=False)
    return Ranking(policy, Moment(as_of, stock.next_supply, stock.lead_time_days))
